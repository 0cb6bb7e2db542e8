/**
 * The Linux calls of the jail: seccomp(2), Landlock, mount sources, and the machine-code stub that clones a child and walks a
 * table of prepared system calls. The only package of this module with downcalls. It may depend on {@code io.jvmm.ipc.sys} and
 * nothing else of ours. Start reading at {@link io.jvmm.policy.sys.CloneStub}; {@link io.jvmm.policy.sys.Seccomp} is what a
 * jailed process itself calls.
 */
@NullMarked
package io.jvmm.policy.sys;

import org.jspecify.annotations.NullMarked;
