/**
 * Recording a device's core, and living its life again. May depend on {@code device.api} and {@code ipc}; {@code device.api} makes these wrappers only
 * when its process was given a trace. Start with {@link io.jvmm.device.api.trace.DeviceCall}, the names of everything that is on the tape, then
 * {@code RecordedCore} and {@code ReplayMain}.
 *
 * <p><b>What a device does for it.</b> Everything its core asks of the host goes through {@link io.jvmm.ipc.trace.Tape}, as told in {@code ipc.trace}. A factory gets the tape with
 * {@code DeviceFactory.createOnTape}; a virtio device finds it at {@code VirtioHost.tape()}, null when there is none. What the host's side calls by itself,
 * past {@code DeviceCore}, gets methods from {@link io.jvmm.device.api.trace.DeviceCall#FIRST_OF_DEVICE} on in an enum of the module, and
 * {@code DeviceFactory.hostCalls} gives the {@link io.jvmm.device.api.trace.HostCalls} that makes the same calls in a replay, and knows their names.
 */
@NullMarked
package io.jvmm.device.api.trace;

import org.jspecify.annotations.NullMarked;
