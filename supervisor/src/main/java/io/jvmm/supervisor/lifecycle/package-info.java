/**
 * What happens to a machine between its start and its end. {@link io.jvmm.supervisor.lifecycle.MachineLifecycle} decides
 * (pure), {@code MachineLoop} watches and acts. Depends on {@code launch} and {@code config}.
 */
@NullMarked
package io.jvmm.supervisor.lifecycle;

import org.jspecify.annotations.NullMarked;
