/**
 * The board: what a PC's main board is to its processors. It owns addresses, devices own behaviour.
 *
 * <p>{@link io.jvmm.vcpu.board.AddressMap} says which device answers which port or address,
 * {@link io.jvmm.vcpu.board.VcpuLoop} runs one vCPU and carries its exits there,
 * {@link io.jvmm.vcpu.board.Board} is the one thread that listens to what devices and the supervisor say,
 * {@link io.jvmm.vcpu.board.AcpiTables} and {@link io.jvmm.vcpu.board.E820} tell the guest's firmware interface about it
 * all. Devices are other processes and are not believed: an event is acted on only if that device may send it, a flood is
 * throttled, silence is bounded.
 *
 * <p>May depend on {@code ipc-protocol} and {@code vcpu.engine}; knows no engine's implementation. Start reading at
 * {@link io.jvmm.vcpu.board.Board}.
 */
@NullMarked
package io.jvmm.vcpu.board;

import org.jspecify.annotations.NullMarked;
