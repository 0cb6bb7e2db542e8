package io.jvmm.vcpu.engine;

import io.jvmm.ipc.sys.Fd;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Runs guest code: KVM now, the software CPU later. One engine is one virtual machine.
 *
 * <p>Order of use, all by the main thread of the vCPU process unless said otherwise: map memory, create the vCPUs in
 * order of their index, attach interrupts and doorbells, set the boot state of vCPU 0 (the others wait for INIT-SIPI),
 * {@link #prepare()}, close the jail, then each vCPU's own thread calls {@link Vcpu#run()}. After {@code prepare} an
 * engine opens nothing, loads no class and starts no thread.
 *
 * <p>An engine always provides the processor's own interrupt hardware: one LAPIC a vCPU (APIC id = index), one IOAPIC at
 * fec00000 whose pins are GSI 0..23, the two 8259s on GSI 0..15, the 8254 on GSI 0, with ISA interrupts wired as on a PC
 * (IRQ n to IOAPIC pin n, IRQ 0 to pin 2). Accesses to these never reach the board.
 *
 * <p>Errors of the host are thrown as {@code ipc.sys.SysException} while building and become
 * {@link ExitKind#INTERNAL_ERROR} while running.
 */
public interface Engine extends AutoCloseable {
    /** Short name for messages: {@code kvm}, {@code x86}. */
    String name();

    /** Number of guest-physical address bits the guest's CPUID tells: the board places windows below this. */
    int physicalAddressBits();

    /**
     * Makes {@code host} appear in guest-physical space.
     *
     * @param slot caller's number for this range, 0..31; mapping a slot again replaces it, length 0 removes it
     * @param guestPhysicalAddress page-aligned
     * @param lengthBytes page-aligned, at most {@code host.byteSize()}
     * @param host page-aligned mapping that outlives the engine
     * @param readOnly guest writes come out as {@link ExitKind#MMIO_WRITE}
     */
    void mapMemory(int slot, long guestPhysicalAddress, long lengthBytes, MemorySegment host, boolean readOnly);

    /**
     * Says which pages of the PC's area for ROM, c0000 to fffff, take no writes though they are RAM: those come out as
     * {@link ExitKind#MMIO_WRITE}. Unlike {@link #mapMemory} also while the machine runs, on any thread; the vCPU whose thread it is sees it with
     * its next instruction, the others soon. An engine that cannot does nothing, and the pages take writes: KVM would need to change memory
     * slots, which the jail does not allow.
     *
     * @param pages bit n: the page at c0000 + n * 1000
     */
    default void lockRomArea(long pages) {}

    /** Creates vCPU {@code index}; indexes count up from 0. */
    Vcpu createVcpu(int index);

    /**
     * Whoever signals {@code eventFd} raises interrupt {@code gsi}, without the board. KVM consumes the eventfd in the
     * kernel, the software CPU watches it. The engine keeps no claim on the descriptors: they may be closed afterwards.
     *
     * @param gsi 0..23: an IOAPIC pin, below 16 also an ISA line
     * @param resampleFd null for an edge: every signal is one interrupt. Else the interrupt is level-triggered: it stays
     *     asserted until the guest acknowledges it (EOI), which drops it and signals {@code resampleFd}; a device whose
     *     condition still holds then signals {@code eventFd} again.
     */
    void attachInterrupt(int gsi, Fd eventFd, @Nullable Fd resampleFd);

    /**
     * A message-signalled interrupt, masked, whose source is {@code eventFd}. The descriptor stays the caller's, who keeps it open
     * for as long as the engine lives.
     *
     * @throws IllegalArgumentException when the host has no room for another one
     */
    MessageInterrupt attachMessage(Fd eventFd);

    /**
     * A guest write of {@code match}, {@code widthBytes} wide, to {@code address} signals {@code eventFd} and is done: it
     * does not come out as an exit.
     *
     * @param widthBytes 1, 2, 4 or 8
     * @param pio whether {@code address} is a port
     * @param match the value that rings; other values come out as exits
     */
    void attachDoorbell(long address, int widthBytes, boolean pio, long match, Fd eventFd);

    /** As above, whatever the value. */
    void attachDoorbell(long address, int widthBytes, boolean pio, Fd eventFd);

    /** Last step before the jail closes: starts the engine's own threads, if it has any, and touches what it will need. */
    void prepare();

    /**
     * Bytes of a saved state of this machine, all vCPUs of which have been created; 0 when this engine cannot save one, and the
     * next three methods are not called.
     */
    default int stateLengthBytes() {
        return 0;
    }

    /** Which layout a saved state of this engine has. */
    default int stateVersion() {
        return 0;
    }

    /**
     * Writes the state of all vCPUs, interrupt controllers and timers to the start of {@code into}. No vCPU is inside
     * {@link Vcpu#run()}, and all are settled. An interrupt whose eventfd was signalled before the call is in it. Any thread.
     */
    default void saveState(MemorySegment into) {
        throw new UnsupportedOperationException(name() + " does not save its state");
    }

    /**
     * Takes over what {@link #saveState} of a machine with as many vCPUs has written; memory is as it was then. The bytes are
     * hostile. Before any vCPU runs, or while all are as for {@code saveState}. Time goes on from when the state was saved.
     *
     * @throws IllegalArgumentException when no machine could be in this state; nothing has changed then
     */
    default void loadState(MemorySegment from) {
        throw new UnsupportedOperationException(name() + " does not load a state");
    }

    /** Releases the virtual machine. No vCPU may be inside {@link Vcpu#run()}. */
    @Override
    void close();
}
