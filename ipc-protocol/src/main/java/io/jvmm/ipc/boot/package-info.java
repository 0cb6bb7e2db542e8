/**
 * How a process receives its descriptors and its configuration: one record over the control socket it inherits as
 * descriptor 3. Depends on {@code ipc.sys}. Start with {@code PROTOCOL.md}, section "Boot record", then
 * {@link io.jvmm.ipc.boot.BootChannel}.
 */
@NullMarked
package io.jvmm.ipc.boot;

import org.jspecify.annotations.NullMarked;
