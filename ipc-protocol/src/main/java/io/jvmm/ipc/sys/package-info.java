/**
 * Typed Linux calls for x86-64: one class a subject ({@link io.jvmm.ipc.sys.MemFd}, {@link io.jvmm.ipc.sys.EventFd},
 * {@link io.jvmm.ipc.sys.Futex}, {@link io.jvmm.ipc.sys.UnixSocket}, …), every one of them over the single
 * {@link io.jvmm.ipc.sys.Syscall} handle. This is the only package of the module that may use the foreign linker, and
 * addresses of the host do not leave it other than as segments and buffers. It depends on the JDK and on Agrona's
 * {@code UnsafeBuffer}. Start with {@link io.jvmm.ipc.sys.Syscall}, then {@link io.jvmm.ipc.sys.SysException}.
 *
 * <p>Each class says in its Javadoc, under "System calls", which kernel calls it makes and when, so that the author of
 * a seccomp policy can read off what a process needs.
 */
@NullMarked
package io.jvmm.ipc.sys;

import org.jspecify.annotations.NullMarked;
