/**
 * What runs guest code, seen from the board: the one boundary behind which {@code kvm} and, later, the software CPU
 * {@code x86} stand.
 *
 * <p>An engine owns guest execution, guest-physical RAM slots, the interrupt controllers and the timers of the
 * processor (LAPIC, IOAPIC, PIC, PIT: in the kernel with KVM, in Java with the software CPU), and the two kinds of
 * descriptors that bypass the board: interrupts that arrive as eventfds, and doorbell writes that leave as eventfds. It
 * knows no device and no address map: every access it cannot satisfy from RAM comes out of {@link
 * io.jvmm.vcpu.engine.Vcpu#run()} as an {@link io.jvmm.vcpu.engine.ExitKind} with an
 * {@link io.jvmm.vcpu.engine.ExitView}, and the board answers it.
 *
 * <p>May depend on {@code ipc.sys} (descriptors) and on nothing else of ours; no engine, no board. Start reading at
 * {@link io.jvmm.vcpu.engine.Engine}, then {@link io.jvmm.vcpu.engine.Vcpu}.
 */
@NullMarked
package io.jvmm.vcpu.engine;

import org.jspecify.annotations.NullMarked;
