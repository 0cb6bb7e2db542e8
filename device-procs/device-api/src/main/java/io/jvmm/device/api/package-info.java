/**
 * The life of a device process: what every device shares, so that a device module holds behaviour only.
 *
 * <p>A device is a {@link io.jvmm.device.api.DeviceFactory} that makes a pure {@link io.jvmm.device.api.DeviceCore}:
 * messages in, state and {@link io.jvmm.device.api.DeviceEffects} out. Everything with a clock, a thread or a
 * descriptor in it is here. May depend on {@code io.jvmm.ipc} and, to close the jail, on {@code io.jvmm.policy.jail}.
 *
 * <p>Start reading at {@link io.jvmm.device.api.DeviceCore}, then at {@code DeviceMain}, whose {@code run} shows the
 * stages of a device's life as lines.
 */
@NullMarked
package io.jvmm.device.api;

import org.jspecify.annotations.NullMarked;
