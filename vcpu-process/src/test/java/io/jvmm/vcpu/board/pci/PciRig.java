package io.jvmm.vcpu.board.pci;

import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.link.LinkKind;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.message.PciFunction;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.vcpu.board.AddressMap;
import io.jvmm.vcpu.board.Board;
import io.jvmm.vcpu.board.BoardDevice;
import io.jvmm.vcpu.board.Counters;
import io.jvmm.vcpu.board.PciMap;
import io.jvmm.vcpu.board.WindowSpec;
import io.jvmm.vcpu.engine.Engine;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A PCI bus with real links, functions that a test declares, and accesses as vCPU 0 makes them. The device at the other end of the links
 * is the test, or a thread that answers each read with what {@link #answer} makes of it.
 */
public final class PciRig implements AutoCloseable {
    static final int BAR_BYTES = 0x4000;
    static final int NOTIFY = 0x3000;
    static final int ISR = 0x1000;
    private static final long TIMEOUT_NS = 2_000_000_000L;

    /** A device process: one link, one or more functions. */
    public static final class Device {
        final BoardDevice board;
        final BoardEndpoint boardEnd;
        final DeviceEndpoint end;
        final List<String> heard = new ArrayList<>();

        Device(int index, String name, int vcpus, EventFd attention, long timeoutNs) {
            final LinkMemory link = LinkMemory.create(LinkSpec.device(vcpus));
            final EventFd requests = EventFd.create();
            final EventFd events = EventFd.create();
            boardEnd = new BoardEndpoint(
                    LinkMemory.attach(link.fd(), LinkKind.DEVICE), requests, events, new WaitPolicy(20_000, timeoutNs));
            end = new DeviceEndpoint(LinkMemory.attach(link.fd(), LinkKind.DEVICE), requests, events, 0);
            board = new BoardDevice(index, name, boardEnd, attention, false);
        }

        /** Takes all requests; answers reads with region, offset and width. */
        synchronized void serve() {
            while (end.next()) {
                switch (end.request()) {
                    case READ -> end.reply(answer(end.region(), end.offset()));
                    case WRITE ->
                        heard.add("w" + end.region() + "+" + Integer.toHexString(end.offset()) + "." + end.widthBytes()
                                + "=" + Long.toHexString(end.value()));
                    case KICK -> heard.add("kick " + Integer.toHexString(end.queue()));
                    case RESET -> heard.add("reset");
                }
                end.release();
            }
        }

        synchronized List<String> heard() {
            serve();
            final List<String> all = List.copyOf(heard);
            heard.clear();
            return all;
        }
    }

    /** A function in its slot, with the descriptors that its device has. */
    public record Plugged(
            Device device,
            int slot,
            PciFunction function,
            List<byte[]> capabilities,
            List<EventFd> lines,
            EventFd intx,
            EventFd again) {}

    final Engine engine;
    final int vcpus;
    final EventFd attention = EventFd.create();
    final List<Device> devices = new ArrayList<>();
    final List<Plugged> plugged = new ArrayList<>();
    final Counters counters = new Counters();
    long timeoutNs = TIMEOUT_NS;
    private final List<PciSlot> slots = new ArrayList<>();
    private boolean firmware;
    private @Nullable PciBus bus;
    private Board.@Nullable Maps maps;
    private volatile boolean ending;
    private final List<Thread> threads = new ArrayList<>();

    /** Of an engine that has been told nothing of PCI. */
    public PciRig(Engine engine, int vcpus) {
        this.engine = engine;
        this.vcpus = vcpus;
    }

    /** As after reset, for firmware. */
    public PciRig forFirmware() {
        firmware = true;
        return this;
    }

    /** What a device answers to a read. */
    static long answer(int region, int offset) {
        return 0x5000_0000L | (long) region << 16 | offset;
    }

    /** A virtio network function, as far as the board cares. */
    public static PciFunction function(int number, int vectors, int queues) {
        return new PciFunction(
                number, 0x1AF4, 0x1041, 0x1AF4, 0x1041, 0x020000, 1, vectors, queues, BAR_BYTES, NOTIFY, 4, 0x1000);
    }

    /** The five of virtio 1.2 §4.1.4, where {@link #function} has its registers. */
    public static List<byte[]> virtioCapabilities() {
        return List.of(
                capability(Declaration.KIND_COMMON, 0, 0x38),
                capability(Declaration.KIND_ISR, ISR, 4),
                capability(Declaration.KIND_DEVICE, 0x2000, 0x100),
                capability(Declaration.KIND_NOTIFY, NOTIFY, 0x1000, 4),
                capability(Declaration.KIND_PCI_CFG, 0, 0, 0));
    }

    static byte[] capability(int kind, int offset, int length, int... more) {
        final ByteBuffer b = ByteBuffer.allocate(16 + 4 * more.length).order(ByteOrder.LITTLE_ENDIAN);
        b.put((byte) Declaration.VENDOR_CAPABILITY)
                .put((byte) 0)
                .put((byte) b.capacity())
                .put((byte) kind);
        b.putInt(8, offset).putInt(12, length);
        if (more.length > 0) {
            b.putInt(16, more[0]);
        }
        return b.array();
    }

    /** A device process of its own in a slot. */
    public Plugged plug(int slot, PciFunction function, List<byte[]> capabilities) {
        return plug(slot, device("dev" + slot), function, function.vectors(), capabilities);
    }

    Device device(String name) {
        final Device device = new Device(devices.size(), name, vcpus, attention, timeoutNs);
        devices.add(device);
        return device;
    }

    Plugged plug(int slot, Device device, PciFunction function, int lines, List<byte[]> capabilities) {
        final List<EventFd> vectors = new ArrayList<>();
        for (int i = 0; i < lines; i++) {
            vectors.add(EventFd.create());
        }
        final Plugged it =
                new Plugged(device, slot, function, capabilities, vectors, EventFd.create(), EventFd.create());
        plugged.add(it);
        return it;
    }

    /** The bus, with nothing declared yet. */
    PciBus bus() {
        if (bus == null) {
            for (final Plugged p : plugged) {
                slots.add(new PciSlot(
                        p.slot(),
                        p.device().board,
                        p.function().function(),
                        p.lines().stream()
                                .map(l -> new PciSlot.Vector(l, engine.attachMessage(l.fd())))
                                .toList(),
                        p.intx(),
                        p.again()));
            }
            bus = new PciBus(slots, engine, PciMap.PIC_LINES, firmware, new Counters());
            final AddressMap.Builder ports = AddressMap.builder(WindowSpec.Space.PIO);
            final AddressMap.Builder memory = AddressMap.builder(WindowSpec.Space.MMIO);
            bus.addTo(ports, memory);
            maps = new Board.Maps(ports.build(), memory.build(), bus);
        }
        return bus;
    }

    /** The board thread looks at the INTx of the function that was plugged as number {@code i}. */
    void lookAtIntx(int i) {
        bus().intxSignalled(slots.get(i));
    }

    /** Every function declares itself; what the bus says to that. */
    String declareAll() {
        final PciBus it = bus();
        for (final Plugged p : plugged) {
            it.declare(p.device().board, p.function());
            for (final byte[] c : p.capabilities()) {
                it.declare(p.device().board, p.function().function(), c);
            }
        }
        return it.assemble();
    }

    /** Declares and assembles what is plugged. */
    public PciRig assemble() {
        final String problem = declareAll();
        if (!problem.isEmpty()) {
            throw new AssertionError(problem);
        }
        return this;
    }

    /** Threads that play the devices, and one that plays the board's for INTx. */
    public void answering() {
        for (final Device device : devices) {
            thread(() -> {
                device.serve();
                Thread.onSpinWait();
            });
        }
        final PciBus it = bus();
        final Poller poller = new Poller(it.descriptors());
        it.watch(poller);
        thread(() -> {
            poller.await(1_000_000);
            it.serve(System.nanoTime());
        });
    }

    private void thread(Runnable work) {
        final Thread thread = new Thread(() -> {
            while (!ending) {
                work.run();
            }
        });
        thread.setDaemon(true);
        thread.start();
        threads.add(thread);
    }

    /** For vCPUs. */
    public Board.Maps maps() {
        bus();
        if (maps == null) {
            throw new AssertionError();
        }
        return maps;
    }

    // ---- accesses ----

    long in(int port, int width) {
        return maps().ports().read(0, port, width, counters);
    }

    void out(int port, int width, long value) {
        maps().ports().write(0, port, width, value, counters);
    }

    long load(long address, int width) {
        return maps().memory().read(0, address, width, counters);
    }

    void store(long address, int width, long value) {
        maps().memory().write(0, address, width, value, counters);
    }

    static long ecam(int slot, int register) {
        return PciMap.ECAM_START + ((long) slot << 15) + register;
    }

    long config(int slot, int register, int width) {
        return load(ecam(slot, register), width);
    }

    void config(int slot, int register, int width, long value) {
        store(ecam(slot, register), width, value);
    }

    /** Through cf8 and cfc. */
    long legacy(int slot, int register, int width) {
        out(0xCF8, 4, 0x8000_0000L | (long) slot << 11 | (register & 0xFC));
        return in(0xCFC + (register & 3), width);
    }

    long bar(int slot, int number) {
        return config(slot, 0x10 + 4 * number, 4) & ~0xFL;
    }

    @Override
    public void close() {
        ending = true;
        for (final Thread t : threads) {
            try {
                t.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
