/**
 * The jail: what a child process may reach, as data ({@link io.jvmm.policy.jail.JailSpec}), the list of steps that makes it so
 * ({@link io.jvmm.policy.jail.JailPlan}), the supervisor's call that carries them out ({@link io.jvmm.policy.jail.Jail}) and the
 * look from outside that checks them ({@link io.jvmm.policy.jail.JailAudit}). May depend on {@code io.jvmm.policy.sys} and
 * {@code io.jvmm.ipc.sys}. Start reading at JailPlan: each line of it is one system call of the child.
 */
@NullMarked
package io.jvmm.policy.jail;

import org.jspecify.annotations.NullMarked;
