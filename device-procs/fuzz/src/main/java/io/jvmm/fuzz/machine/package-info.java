/**
 * A machine of one device for the fuzzer: the shipped core, a guest, a host and a clock that do what an input says, and the oracles that watch. Depends on
 * {@code io.jvmm.device.api}, {@code io.jvmm.device.virtio} and {@code io.jvmm.ipc}; knows no device. Start at {@link io.jvmm.fuzz.machine.DeviceMachine}.
 */
@NullMarked
package io.jvmm.fuzz.machine;

import org.jspecify.annotations.NullMarked;
