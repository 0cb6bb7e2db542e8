package io.jvmm.vcpu.board.pci;

import io.jvmm.ipc.counters.BoardCounter;
import io.jvmm.ipc.message.PciFunction;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.vcpu.board.AddressMap;
import io.jvmm.vcpu.board.BoardDevice;
import io.jvmm.vcpu.board.Counters;
import io.jvmm.vcpu.board.ExpansionBus;
import io.jvmm.vcpu.board.PciMap;
import io.jvmm.vcpu.board.RegisterTarget;
import io.jvmm.vcpu.board.WindowSpec;
import io.jvmm.vcpu.engine.Engine;
import io.jvmm.vcpu.state.StateCursor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * PCI bus 0 and the ways to it: configuration ports cf8 and cfc (PCI 3.0 §3.2.2.3), ECAM (PCI Express 4.0 §7.2.2) and the memory that BARs decode.
 *
 * <p>Its lock guards every configuration space, MSI-X table and INTx gate; it is held for microseconds. BARs are looked up without it, in the
 * {@link Decoder} that was published last, and devices are read without it. All addresses, widths and values are the guest's: any is safe.
 *
 * <p>Life: made with the slots that the supervisor has plugged, {@link #addTo} the address maps; the devices declare themselves;
 * {@link #assemble} before the guest starts. A device that is dead has its configuration space all the same, and a {@link Tombstone} for its registers.
 */
public final class PciBus implements ExpansionBus, AutoCloseable {
    private static final int DEVICE_SHIFT = 3;
    private static final int FUNCTIONS_PER_SLOT = 8;
    private static final int ECAM_FUNCTION_SHIFT = 12;
    private static final int ECAM_REGISTER_MASK = 0xFFF;
    private static final int CONFIG_ENABLE = 1 << 31;
    private static final int CONFIG_ADDRESS_WRITABLE = 0x80FF_FFFC;

    private final Object lock = new Object();
    private final List<PciSlot> plugged;
    private final Declarations declarations;
    private final @Nullable ConfigSpace[] slots = new @Nullable ConfigSpace[PciMap.SLOTS];
    private final HostBridge bridge;
    private final Engine engine;
    private final IsaBridge isaBridge = new IsaBridge(this::intxRouted);
    private final IntxRouter intx;
    private final MessagePace pace = new MessagePace();
    private final Listener listener = new Listener();
    /** Of all threads: under the lock. */
    private final Counters counters;

    private volatile Decoder decoder;
    private int configAddress;
    private @Nullable Poller poller;

    /**
     * A bus with these slots, whose functions are not there before {@link #assemble}.
     *
     * @param picLines bit n: no device of the board has line n of the 8259s, so that INTx may be routed to it
     * @param firmware whether firmware runs first, and finds the chipset as after reset
     * @throws IllegalArgumentException when two are plugged into the same slot, or one where the ISA bridge is
     */
    public PciBus(List<PciSlot> plugged, Engine engine, int picLines, boolean firmware, Counters counters) {
        this.counters = counters;
        this.engine = engine;
        this.bridge = new HostBridge(firmware);
        this.plugged = plugged.stream()
                .sorted(Comparator.comparingInt(PciSlot::number))
                .toList();
        slots[0] = bridge;
        slots[IsaBridge.SLOT] = isaBridge;
        for (int i = 0; i < this.plugged.size(); i++) {
            final int number = this.plugged.get(i).number();
            if (number == IsaBridge.SLOT) {
                throw new IllegalArgumentException("PCI slot " + number + " has the ISA bridge");
            }
            if (i > 0 && number == this.plugged.get(i - 1).number()) {
                throw new IllegalArgumentException("PCI slot " + number + " is given to two functions");
            }
        }
        declarations = new Declarations(this.plugged);
        intx = new IntxRouter(this.plugged, engine, picLines, Clock.monotonicNs());
        decoder = decode();
        engine.lockRomArea(bridge.lockedPages());
    }

    /** Claims the configuration ports and the memory that PCI decodes. */
    public void addTo(AddressMap.Builder ports, AddressMap.Builder memory) {
        ports.exact(PciMap.CONFIG_ADDRESS_PORT, Integer.BYTES, new AddressPort());
        ports.window(
                new WindowSpec(WindowSpec.Space.PIO, PciMap.CONFIG_DATA_PORT, Integer.BYTES), "pci", new DataPort(), 0);
        memory.window(
                new WindowSpec(WindowSpec.Space.MMIO, PciMap.DECODED_START, PciMap.DECODED_END - PciMap.DECODED_START),
                "pci",
                new Memory(),
                0);
    }

    // ---- what devices declare ----

    @Override
    public String declare(BoardDevice device, PciFunction function) {
        return declarations.declare(device, function);
    }

    @Override
    public String declare(BoardDevice device, int function, byte[] capability) {
        return declarations.declare(device, function, capability);
    }

    @Override
    public String assemble() {
        synchronized (lock) {
            declarations.close();
            for (int i = 0; i < plugged.size(); i++) {
                final Declaration declaration = declarations.at(i);
                if (declaration.problem().isEmpty()) {
                    try {
                        slots[plugged.get(i).number()] = new Endpoint(plugged.get(i), declaration, pace, listener);
                    } catch (IllegalArgumentException e) {
                        declaration.complain(String.valueOf(e.getMessage()));
                    }
                }
                if (!declaration.problem().isEmpty()) {
                    return declaration.problem();
                }
            }
            if (!Bars.assign(slots)) {
                return "the BARs of all functions need more than " + ((PciMap.WINDOW_END - PciMap.WINDOW_START) >> 20)
                        + " MiB";
            }
            decoder = decode();
            return "";
        }
    }

    @Override
    public void broken(BoardDevice device) {
        synchronized (lock) {
            Endpoint.bury(slots, device);
        }
    }

    private Decoder decode() {
        return Bars.decode(bridge, slots);
    }

    // ---- configuration ----

    /** {@code function}: bus, device and function as a routing id. */
    private @Nullable ConfigSpace at(int function) {
        final boolean here = function < PciMap.SLOTS * FUNCTIONS_PER_SLOT && (function & (FUNCTIONS_PER_SLOT - 1)) == 0;
        return here ? slots[function >> DEVICE_SHIFT] : null;
    }

    private static long ones(int widthBytes) {
        return -1L >>> (Long.SIZE - Byte.SIZE * widthBytes);
    }

    /** A read inside one 32-bit register. */
    private long readConfig(int vcpuIndex, int function, int register, int widthBytes) {
        final Endpoint viewed;
        synchronized (lock) {
            counters.increment(BoardCounter.CONFIG_ACCESSES);
            final ConfigSpace space = at(function);
            if (space == null || register >= ConfigSpace.LENGTH_BYTES) {
                return ones(widthBytes);
            }
            if (!(space instanceof Endpoint endpoint && endpoint.isWindow(register, widthBytes))) {
                return space.read(register, widthBytes) & ones(widthBytes);
            }
            viewed = endpoint;
        }
        look(vcpuIndex, viewed, false);
        synchronized (lock) {
            return viewed.read(register, widthBytes) & ones(widthBytes);
        }
    }

    private void writeConfig(int vcpuIndex, int function, int register, int widthBytes, int value) {
        final Endpoint viewed;
        synchronized (lock) {
            counters.increment(BoardCounter.CONFIG_ACCESSES);
            final ConfigSpace space = at(function);
            if (space == null || register >= ConfigSpace.LENGTH_BYTES) {
                return;
            }
            space.write(register, widthBytes, value);
            if (space == bridge) {
                decoder = decode();
                engine.lockRomArea(bridge.lockedPages());
            }
            if (!(space instanceof Endpoint endpoint && endpoint.isWindow(register, widthBytes))) {
                return;
            }
            viewed = endpoint;
        }
        look(vcpuIndex, viewed, true);
    }

    /** Through virtio's window on a BAR (virtio 1.2 §4.1.4.9): it works whether or not the BAR is mapped. */
    private void look(int vcpuIndex, Endpoint viewed, boolean write) {
        final int bar;
        final int offset;
        final int bytes;
        final int data;
        synchronized (lock) {
            bar = viewed.windowBar();
            offset = viewed.windowOffset();
            bytes = viewed.windowBytes();
            data = viewed.windowData();
        }
        if (bytes == 0) {
            return;
        }
        if (write) {
            writeBar(vcpuIndex, viewed, bar, offset, bytes, data & ones(bytes));
        } else {
            final int value = (int) readBar(vcpuIndex, viewed, bar, offset, bytes);
            synchronized (lock) {
                viewed.setWindowData(value, bytes);
            }
        }
    }

    // ---- BARs ----

    private long readBar(int vcpuIndex, Endpoint owner, int bar, int offset, int widthBytes) {
        if (bar == Endpoint.REGISTER_BAR) {
            return owner.readRegister(vcpuIndex, offset, widthBytes, lock);
        }
        synchronized (lock) {
            return owner.msix().read(offset, widthBytes) & ones(widthBytes);
        }
    }

    private void writeBar(int vcpuIndex, Endpoint owner, int bar, int offset, int widthBytes, long value) {
        if (bar == Endpoint.REGISTER_BAR) {
            owner.writeRegister(vcpuIndex, offset, widthBytes, value, this);
        } else {
            synchronized (lock) {
                owner.msix().write(offset, widthBytes, value);
            }
        }
    }

    /** Any thread. */
    void count(BoardCounter counter) {
        synchronized (lock) {
            counters.increment(counter);
        }
    }

    /** Configuration address, a 32-bit register: narrower accesses do not reach it. */
    private final class AddressPort implements RegisterTarget {
        @Override
        public long read(int vcpuIndex, int region, int offset, int widthBytes) {
            synchronized (lock) {
                return configAddress & 0xFFFF_FFFFL;
            }
        }

        @Override
        public void write(int vcpuIndex, int region, int offset, int widthBytes, long value) {
            synchronized (lock) {
                configAddress = (int) value & CONFIG_ADDRESS_WRITABLE;
            }
        }
    }

    /** Configuration data: bytes of the register that the address names. */
    private final class DataPort implements RegisterTarget {
        @Override
        public long read(int vcpuIndex, int region, int offset, int widthBytes) {
            final int address = address();
            return (address & CONFIG_ENABLE) == 0
                    ? ones(widthBytes)
                    : readConfig(vcpuIndex, (address >>> 8) & 0xFFFF, (address & 0xFC) | offset, widthBytes);
        }

        @Override
        public void write(int vcpuIndex, int region, int offset, int widthBytes, long value) {
            final int address = address();
            if ((address & CONFIG_ENABLE) != 0) {
                writeConfig(vcpuIndex, (address >>> 8) & 0xFFFF, (address & 0xFC) | offset, widthBytes, (int) value);
            }
        }

        /** Only virtio's window on a device's registers takes time. */
        @Override
        public void giveUp(long waitedNs) {
            final int address = address();
            if (at((address >>> 8) & 0xFFFF) instanceof Endpoint it && it.isWindow(address & 0xFC, Integer.BYTES)) {
                it.slot().device().giveUp(waitedNs);
            }
        }

        private int address() {
            synchronized (lock) {
                return configAddress;
            }
        }
    }

    /** ECAM and BARs. */
    private final class Memory implements RegisterTarget {
        @Override
        public long read(int vcpuIndex, int region, int offset, int widthBytes) {
            final long address = PciMap.DECODED_START + offset;
            final Decoder now = decoder;
            if (now.isEcam(address, widthBytes)) {
                return readEcam(vcpuIndex, now.ecamOffset(address), widthBytes);
            }
            final int found = now.find(address, widthBytes);
            if (found < 0) {
                count(BoardCounter.UNCLAIMED_READS);
                return ones(widthBytes);
            }
            return readBar(vcpuIndex, now.owner(found), now.bar(found), now.offset(found, address), widthBytes);
        }

        @Override
        public void write(int vcpuIndex, int region, int offset, int widthBytes, long value) {
            final long address = PciMap.DECODED_START + offset;
            final Decoder now = decoder;
            if (now.isEcam(address, widthBytes)) {
                writeEcam(vcpuIndex, now.ecamOffset(address), widthBytes, value);
                return;
            }
            final int found = now.find(address, widthBytes);
            if (found < 0) {
                count(BoardCounter.UNCLAIMED_WRITES);
                return;
            }
            writeBar(vcpuIndex, now.owner(found), now.bar(found), now.offset(found, address), widthBytes, value);
        }
    }

    /** Only accesses within one 32-bit register have a meaning (PCI Express 4.0 §7.2.2): others are master aborts. */
    private static boolean isConfigAccess(long offset, int widthBytes) {
        return widthBytes <= Integer.BYTES && (offset & (widthBytes - 1)) == 0;
    }

    private long readEcam(int vcpuIndex, long offset, int widthBytes) {
        final int function = (int) (offset >>> ECAM_FUNCTION_SHIFT);
        return isConfigAccess(offset, widthBytes)
                ? readConfig(vcpuIndex, function, (int) offset & ECAM_REGISTER_MASK, widthBytes)
                : ones(widthBytes);
    }

    private void writeEcam(int vcpuIndex, long offset, int widthBytes, long value) {
        if (isConfigAccess(offset, widthBytes)) {
            final int function = (int) (offset >>> ECAM_FUNCTION_SHIFT);
            writeConfig(vcpuIndex, function, (int) offset & ECAM_REGISTER_MASK, widthBytes, (int) value);
        }
    }

    // ---- INTx ----

    private final class Listener implements Endpoint.BusListener {
        @Override
        public void decodingChanged() {
            decoder = decode();
        }

        @Override
        public void intxChanged(Endpoint endpoint) {
            if (endpoint.assertsIntx()) {
                intx.raise(endpoint.slot());
            }
        }
    }

    /** The ISA bridge's PIRQ registers have been written: what is asserted is asserted where they say now. */
    private void intxRouted() {
        intx.route(isaBridge);
        for (final ConfigSpace slot : slots) {
            if (slot instanceof Endpoint endpoint) {
                listener.intxChanged(endpoint);
            }
        }
    }

    /** The line of a slot's INTx has been signalled. Board thread. */
    void intxSignalled(PciSlot slot) {
        synchronized (lock) {
            if (slots[slot.number()] instanceof Endpoint endpoint) {
                if (endpoint.takeIntx()) {
                    listener.intxChanged(endpoint);
                }
            } else {
                slot.intx().drain();
            }
        }
    }

    /** The guest has ended the interrupt of the slot's pin: whether its function still asserts is for the device to say. Board thread. */
    void intxEnded(PciSlot slot) {
        synchronized (lock) {
            if (slots[slot.number()] instanceof Endpoint endpoint) {
                endpoint.intxEnded();
            }
        }
    }

    @Override
    public int descriptors() {
        return intx.descriptors() + 1;
    }

    @Override
    public void watch(Poller boardPoller) {
        poller = boardPoller;
        intx.watch(boardPoller);
        pace.watch(boardPoller);
    }

    @Override
    public void serve(long nowNs) {
        intx.serve(this, nowNs);
        final Poller it = poller;
        synchronized (lock) {
            if (it != null) {
                pace.awake(it);
            }
            if (pace.isDue(nowNs)) {
                for (final ConfigSpace slot : slots) {
                    if (slot instanceof Endpoint endpoint) {
                        endpoint.msix().catchUp();
                    }
                }
            }
        }
    }

    @Override
    public long deafForNs(long nowNs) {
        synchronized (lock) {
            return Math.min(intx.deafForNs(nowNs), pace.waitNs(nowNs));
        }
    }

    @Override
    public Counters counters() {
        return counters;
    }

    /** Gives back what the bus has made for itself; only a scratch machine's is ever closed. */
    @Override
    public void close() {
        intx.close();
        pace.close();
    }

    // ---- state ----

    @Override
    public int stateLengthBytes() {
        int length = PciStateLayout.FIXED_BYTES;
        for (final PciSlot slot : plugged) {
            length += PciStateLayout.slotBytes(slot.vectors().size());
        }
        return length;
    }

    @Override
    public void saveState(MemorySegment into) {
        synchronized (lock) {
            transfer(StateCursor.saving(into), false);
        }
    }

    /**
     * Takes over what {@link #saveState} of a bus with the same functions has written; between {@link #assemble} and the guest's first
     * instruction. The bytes are hostile.
     *
     * @throws IllegalArgumentException naming what no guest can have left so; nothing has changed then
     */
    public void loadState(MemorySegment from) {
        if (from.byteSize() != stateLengthBytes()) {
            throw new IllegalArgumentException("not the state of this PCI bus: " + from.byteSize() + " bytes");
        }
        final byte[] copy = from.toArray(ValueLayout.JAVA_BYTE);
        synchronized (lock) {
            transfer(StateCursor.loading(MemorySegment.ofArray(copy)), false);
            transfer(StateCursor.loading(MemorySegment.ofArray(copy)), true);
            decoder = decode();
        }
    }

    private void transfer(StateCursor state, boolean apply) {
        final int address = state.u32(configAddress, CONFIG_ADDRESS_WRITABLE, "PCI's CONFIG_ADDRESS");
        state.zero(Integer.BYTES);
        int next = 0;
        for (int slot = 0; slot < slots.length; slot++) {
            final boolean here = next < plugged.size() && plugged.get(next).number() == slot;
            final int lines = here ? plugged.get(next++).vectors().size() : 0;
            state.require(state.u16(lines) == lines, "lines of PCI slot " + slot);
        }
        bridge.transfer(state, apply, "host bridge");
        isaBridge.transfer(state, apply, "ISA bridge");
        if (apply) {
            intx.route(isaBridge);
            engine.lockRomArea(bridge.lockedPages());
        }
        for (final PciSlot slot : plugged) {
            if (slots[slot.number()] instanceof Endpoint endpoint) {
                final int vectors = endpoint.msix().vectors();
                state.require(state.u32(vectors) == vectors, "vectors of " + slot.name());
                endpoint.transfer(state, apply);
            } else {
                state.zero(PciStateLayout.slotBytes(slot.vectors().size()));
            }
        }
        if (apply) {
            configAddress = address;
        }
    }
}
