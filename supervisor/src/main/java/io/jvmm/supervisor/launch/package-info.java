/**
 * From a configuration to jailed processes with everything they need: what would run ({@code MachinePlan}), the descriptors
 * behind it, uids, shared memory, boot records. Depends on {@code config}, on {@code terminal}, on ipc-protocol and on the
 * jail. Start at {@code MachineLauncher}.
 */
@NullMarked
package io.jvmm.supervisor.launch;

import org.jspecify.annotations.NullMarked;
