/**
 * The guests that come with the project: the monitor guest of {@code --demo}, written with a small x86-64 assembler so
 * that no compiler and no binary blob is needed, and Debian's stock kernel, fetched as an ordinary user.
 *
 * <p>Nothing here runs in a machine's own process: a guest is bytes in an ELF file. Depends on {@code supervisor.config} only. Start
 * reading at {@link io.jvmm.supervisor.demo.MonitorGuest}, which is the guest from its first instruction on; the
 * instructions it is made of are in {@link io.jvmm.supervisor.demo.Assembler}.
 */
@NullMarked
package io.jvmm.supervisor.demo;

import org.jspecify.annotations.NullMarked;
