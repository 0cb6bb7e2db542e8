/**
 * Boot loaders: a kernel image, an initrd and a command line become bytes in guest RAM and a
 * {@link io.jvmm.vcpu.engine.BootState}.
 *
 * <p>Every image is hostile. All parsing happens in the jailed vCPU process, every length and offset is checked against
 * the file and against RAM before use, unpacking is bounded by a size known beforehand, and every failure is a
 * {@link io.jvmm.vcpu.boot.BootException} whose one line names file, field, value, reason and cure.
 *
 * <p>May depend on {@code ipc.memory}, {@code ipc.sys}, {@code vcpu.engine} and on {@link io.jvmm.vcpu.board.E820}. Start
 * reading at {@link io.jvmm.vcpu.boot.BootLoader}, then {@link io.jvmm.vcpu.boot.BootLayout}.
 */
@NullMarked
package io.jvmm.vcpu.boot;

import org.jspecify.annotations.NullMarked;
