package io.jvmm.vcpu.board.pci;

import io.jvmm.ipc.counters.BoardCounter;
import io.jvmm.ipc.message.PciFunction;
import io.jvmm.vcpu.board.BoardDevice;
import io.jvmm.vcpu.state.StateCursor;
import org.jspecify.annotations.Nullable;

/**
 * A device's function in its slot: type 0 configuration space with a BAR of the device's registers (0), a BAR of the board's with the MSI-X
 * table (4), MSI-X, and the capabilities that the device has declared.
 *
 * <p>What is marked so is guarded by the bus's lock. Accesses to the device's registers are made without it, because a device may take its time.
 */
final class Endpoint extends ConfigSpace {
    static final int COMMAND_MEMORY = 1 << 1;
    static final int COMMAND_MASTER = 1 << 2;
    static final int COMMAND_NO_INTX = 1 << 10;
    static final int REGISTER_BAR = 0;
    static final int TABLE_BAR = 4;

    private static final int STATUS_INTERRUPT = 1 << 3;
    private static final int STATUS_CAPABILITIES = 1 << 4;
    private static final int MSIX_CAPABILITY = 0x11;
    private static final int MSIX = FIRST_FREE;
    private static final int MSIX_BYTES = 12;
    private static final int MSIX_CONTROL = MSIX + 2;
    private static final int MSIX_ENABLE = 1 << 15;
    private static final int MSIX_FUNCTION_MASK = 1 << 14;
    private static final int INTA = 1;
    /** All that virtio's ISR register may say; a device that is dead reads as all ones. */
    private static final int ISR_BITS = 3;

    private static final int NOWHERE = -1;

    private final PciSlot slot;
    private final PciFunction function;
    private final Msix msix;
    private final int isrOffset;
    private final Tombstone tombstone;
    private final int[] barOffsets;
    private final int[] barLengths;
    private final BusListener bus;
    /** Where virtio's window on BAR 0 is; {@link #NOWHERE} when the device has none. */
    private int window = NOWHERE;

    /** Whether the device asserts its INTx, as far as it has told. Locked, as are the next four. */
    private boolean intxPending;

    /** How often the device has begun to assert its INTx; more often than twice between two looks counts as twice. */
    private long intxTaken;

    /** Whether any of that was since the last read of the ISR register. */
    private boolean intxTold;

    /** Reads of the ISR register so far, and those that wait for the device's answer. */
    private long isrReads;

    private int isrReaders;

    /** Whom a write to configuration space concerns beyond the function. Under the bus's lock. */
    interface BusListener {
        /** A BAR has moved or been switched. */
        void decodingChanged();

        /** The gate of the function's INTx may have opened. */
        void intxChanged(Endpoint endpoint);
    }

    /**
     * Of a declaration without a fault.
     *
     * @param pace of all functions' messages
     * @throws IllegalArgumentException when the capabilities do not fit into the configuration space
     */
    Endpoint(PciSlot slot, Declaration declaration, MessagePace pace, BusListener bus) {
        super(
                declaration.function().vendorId(),
                declaration.function().deviceId(),
                declaration.function().classCode(),
                declaration.function().revision());
        this.slot = slot;
        this.function = declaration.function();
        this.bus = bus;
        this.msix = new Msix(slot.vectors().subList(0, function.vectors()), pace);
        this.isrOffset = declaration.offsetOf(Declaration.KIND_ISR);
        this.tombstone = new Tombstone(declaration.offsetOf(Declaration.KIND_COMMON), isrOffset);
        this.barOffsets = new int[] {BAR_0 + Integer.BYTES * REGISTER_BAR, BAR_0 + Integer.BYTES * TABLE_BAR};
        this.barLengths = new int[] {function.barLengthBytes(), msix.barLengthBytes()};
        put(SUBSYSTEM_VENDOR_ID, 2, function.subsystemVendorId());
        put(SUBSYSTEM_ID, 2, function.subsystemId());
        put(STATUS, 2, STATUS_CAPABILITIES);
        put(INTERRUPT_PIN, 1, INTA);
        allow(COMMAND, 2, COMMAND_MEMORY | COMMAND_MASTER | COMMAND_NO_INTX);
        for (int i = 0; i < barOffsets.length; i++) {
            allow(barOffsets[i], Integer.BYTES, -barLengths[i]);
        }
        putMsix();
        int previous = MSIX;
        int at = MSIX + MSIX_BYTES;
        put(CAPABILITIES, 1, MSIX);
        for (final byte[] capability : declaration.capabilities()) {
            if (at + capability.length > LENGTH_BYTES) {
                throw new IllegalArgumentException(
                        "capabilities of more than " + (LENGTH_BYTES - FIRST_FREE) + " bytes");
            }
            putCapability(at, capability);
            put(previous + 1, 1, at);
            previous = at;
            at += capability.length;
        }
    }

    private void putMsix() {
        put(MSIX, 1, MSIX_CAPABILITY);
        put(MSIX_CONTROL, 2, msix.vectors() - 1);
        allow(MSIX_CONTROL, 2, MSIX_ENABLE | MSIX_FUNCTION_MASK);
        put(MSIX + 4, 4, TABLE_BAR);
        put(MSIX + 8, 4, msix.pbaOffset() | TABLE_BAR);
    }

    private void putCapability(int at, byte[] capability) {
        for (int i = 0; i < capability.length; i++) {
            put(at + i, 1, capability[i]);
        }
        put(at + 1, 1, 0);
        if (capability[Declaration.KIND] == Declaration.KIND_PCI_CFG) {
            window = at;
            allow(at + Declaration.BAR, 1, 0xFF);
            allow(at + Declaration.OFFSET, 4, -1);
            allow(at + Declaration.REGION_LENGTH, 4, -1);
            allow(at + Declaration.MORE, 4, -1);
        }
    }

    PciSlot slot() {
        return slot;
    }

    Msix msix() {
        return msix;
    }

    /** Puts a BAR somewhere before the guest starts. Locked. */
    void assign(int index, long address) {
        put(barOffsets[index], Integer.BYTES, (int) address);
    }

    int barCount() {
        return barOffsets.length;
    }

    int barLengthBytes(int index) {
        return barLengths[index];
    }

    /** Adds the BARs that decode now. Locked. */
    void addTo(Decoder.Builder decoder) {
        if ((get(COMMAND, 2) & COMMAND_MEMORY) != 0) {
            for (int i = 0; i < barOffsets.length; i++) {
                final long address = get(barOffsets[i], Integer.BYTES) & 0xFFFF_FFFFL;
                if (address != 0) {
                    decoder.add(address, barLengths[i], this, i == 0 ? REGISTER_BAR : TABLE_BAR);
                }
            }
        }
    }

    // ---- configuration space, locked ----

    @Override
    int read(int offset, int widthBytes) {
        int value = get(offset, widthBytes);
        if (intxPending && offset <= STATUS && STATUS < offset + widthBytes) {
            value |= STATUS_INTERRUPT << (Byte.SIZE * (STATUS - offset));
        }
        return value;
    }

    @Override
    void written(int offset, int widthBytes) {
        final boolean command = touches(offset, widthBytes, COMMAND, 2);
        boolean decoding = command;
        for (final int bar : barOffsets) {
            decoding |= touches(offset, widthBytes, bar, Integer.BYTES);
        }
        if (decoding) {
            bus.decodingChanged();
        }
        if (command || touches(offset, widthBytes, MSIX_CONTROL, 2)) {
            msix.control(isMsixSet(MSIX_ENABLE), isMsixSet(MSIX_FUNCTION_MASK), isMaster());
            bus.intxChanged(this);
        }
    }

    private boolean isMsixSet(int bit) {
        return (get(MSIX_CONTROL, 2) & bit) != 0;
    }

    /** For the state segment, as {@link PciStateLayout} says. */
    void transfer(StateCursor state, boolean apply) {
        final boolean pending = state.flag(intxPending);
        state.zero(3);
        transfer(state, apply, slot.name());
        msix.transfer(state, slot.vectors().size(), apply);
        if (apply) {
            intxPending = pending;
            intxTold = pending;
            msix.restore(isMsixSet(MSIX_ENABLE), isMsixSet(MSIX_FUNCTION_MASK), isMaster());
            bus.decodingChanged();
            bus.intxChanged(this);
        }
    }

    /** Whether an access concerns the data of virtio's window, and must be made without the lock. */
    boolean isWindow(int offset, int widthBytes) {
        return window != NOWHERE && touches(offset, widthBytes, window + Declaration.MORE, Integer.BYTES);
    }

    /** Which BAR the window looks at. Locked, as are the next three. */
    int windowBar() {
        return get(window + Declaration.BAR, 1);
    }

    int windowOffset() {
        return get(window + Declaration.OFFSET, 4);
    }

    /** How many bytes the window accesses; 0 when the guest has set it up wrongly (virtio 1.2 §4.1.4.9.2), and nothing is accessed. */
    int windowBytes() {
        final int bytes = get(window + Declaration.REGION_LENGTH, 4);
        final int offset = windowOffset();
        final boolean width = bytes == 1 || bytes == 2 || bytes == 4;
        final int bar = windowBar();
        final int length = bar == REGISTER_BAR ? barLengths[0] : bar == TABLE_BAR ? barLengths[1] : 0;
        return width && offset >= 0 && offset <= length - bytes && (offset & (bytes - 1)) == 0 ? bytes : 0;
    }

    int windowData() {
        return get(window + Declaration.MORE, 4);
    }

    void setWindowData(int value, int widthBytes) {
        put(window + Declaration.MORE, widthBytes, value);
    }

    // ---- registers ----

    /** A read of BAR 0, without the lock. */
    long readRegister(int vcpuIndex, int offset, int widthBytes, Object lock) {
        if (!tombstone.isDead()) {
            final long value = offset == isrOffset
                    ? readIsr(vcpuIndex, offset, widthBytes, lock)
                    : slot.device().read(vcpuIndex, slot.function(), offset, widthBytes);
            if (!tombstone.isDead()) {
                return value;
            }
        }
        // The device has been given up, perhaps while we waited for it.
        if (offset == isrOffset) {
            synchronized (lock) {
                takeIntx();
                forgetIntx();
            }
        }
        return tombstone.read(offset, widthBytes);
    }

    /** A device has been given up for good; the drivers of its functions are told. Locked. */
    static void bury(@Nullable ConfigSpace[] slots, BoardDevice device) {
        for (final ConfigSpace slot : slots) {
            if (slot instanceof Endpoint endpoint && endpoint.slot.device() == device) {
                endpoint.bury();
            }
        }
    }

    /** By whatever interrupt the driver uses. */
    private void bury() {
        if (!tombstone.isDead() && tombstone.bury()) {
            for (int i = 0; i < msix.vectors(); i++) {
                slot.vectors().get(i).line().signal();
            }
            slot.intx().signal();
        }
    }

    /**
     * A read that takes the device's INTx away (virtio 1.2 §4.1.4.5.1). What the device has told of before is over with it; but an assertion that
     * began between our look and the device's answer is in that answer too, and it is the oldest one that we have not been told of when we looked: it
     * is neither status nor interrupt any more. What the device asserts from there on is. Of reads that wait at the same time nobody knows which the
     * device has answered first: then all that it has told since stays an interrupt, of which one may be in vain.
     */
    private long readIsr(int vcpuIndex, int offset, int widthBytes, Object lock) {
        final long before;
        final boolean told;
        final boolean first;
        final long turn;
        synchronized (lock) {
            first = isrReaders++ == 0;
            turn = ++isrReads;
            takeIntx();
            before = intxTaken;
            told = intxTold;
            forgetIntx();
        }
        final long value = slot.device().read(vcpuIndex, slot.function(), offset, widthBytes);
        synchronized (lock) {
            isrReaders--;
            final boolean alone = first && turn == isrReads;
            final boolean more = takeIntx();
            final boolean asserted = value > 0 && value <= ISR_BITS;
            final int over = asserted && alone && !told ? 1 : 0;
            if (intxTaken - before <= over) {
                forgetIntx();
            } else if (more) {
                bus.intxChanged(this);
            }
        }
        return value;
    }

    /** A write to BAR 0, without the lock: a doorbell becomes a kick. */
    void writeRegister(int vcpuIndex, int offset, int widthBytes, long value, PciBus from) {
        final int at = offset - function.notifyOffset();
        if (at < 0 || at >= function.notifyLengthBytes()) {
            tombstone.note(offset, widthBytes, value);
            slot.device().write(vcpuIndex, slot.function(), offset, widthBytes, value);
            return;
        }
        final int multiplier = function.notifyMultiplier();
        final int queue = multiplier == 0 ? (int) value & 0xFFFF : at / multiplier;
        final boolean whole = multiplier == 0 || (at & (multiplier - 1)) == 0;
        if (whole && queue < function.queues() && isMaster() && !tombstone.isDead()) {
            slot.device().kick(vcpuIndex, (slot.function() << Byte.SIZE) | queue);
        } else {
            from.count(BoardCounter.KICKS_DROPPED);
        }
    }

    /** A function that may not read memory cannot look at its virtqueues. A byte is read whole, so that no lock is needed. */
    private boolean isMaster() {
        return (get(COMMAND, 1) & COMMAND_MASTER) != 0;
    }

    // ---- INTx ----

    /** Looks whether the device has begun to assert since the last look. Locked, as are the next two. */
    boolean takeIntx() {
        final long signals = slot.intx().drain();
        if (signals != 0) {
            intxTaken += signals == 1 ? 1 : 2;
            intxTold = true;
            intxPending = true;
        }
        return signals != 0;
    }

    private void forgetIntx() {
        intxTold = false;
        intxPending = false;
    }

    /** The guest has ended the interrupt: the device is asked, and tells if it still asserts. */
    void intxEnded() {
        intxPending = false;
    }

    /** Whether the function asserts its interrupt pin. Locked. */
    boolean assertsIntx() {
        return intxPending && !msix.isEnabled() && (get(COMMAND, 2) & COMMAND_NO_INTX) == 0;
    }
}
