/**
 * The virtio console process: hvc0 and further ports over terminals, ptys, files and sockets. Depends on {@code device.api},
 * {@code device.virtio} and {@code ipc}. Start reading at {@link io.jvmm.device.console.ConsoleCore}.
 */
@NullMarked
package io.jvmm.device.console;

import org.jspecify.annotations.NullMarked;
