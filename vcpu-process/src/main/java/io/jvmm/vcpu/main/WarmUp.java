package io.jvmm.vcpu.main;

import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.vcpu.board.AddressMap;
import io.jvmm.vcpu.board.Board;
import io.jvmm.vcpu.board.BoardDevice;
import io.jvmm.vcpu.board.WindowSpec;
import io.jvmm.vcpu.board.pci.PciBus;
import io.jvmm.vcpu.engine.BootState;
import io.jvmm.vcpu.engine.Engine;
import io.jvmm.vcpu.engine.Vcpu;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.Supplier;

/**
 * Runs a scratch machine from START to its crash before the real one is built: a tiny guest reads and writes a device
 * through ports and memory, then triple-faults. After that every class the process will ever need is loaded (the narrow
 * filter lets none be loaded later) and the way of an exit through engine, board and link is compiled.
 */
final class WarmUp {
    /** Rounds of two posted writes, to a port and to memory: so that both ways pass C1's threshold of 200 invocations. */
    static final int WRITE_ROUNDS = 250;

    /** Rounds of two reads: few, for each waits for another thread, which on a busy host may take a millisecond. */
    static final byte READ_ROUNDS = 8;

    private static final int RAM_BYTES = 64 << 10;
    private static final int CODE = 0x1000;
    private static final long DEVICE_ADDRESS = 0x2_0000;
    private static final long READ_TIMEOUT_NS = 1_000_000_000L;

    /** 32-bit code; the interrupt table is empty in this mode, so that the exception at its end is a triple fault. */
    private static final byte[] GUEST = {
        0x66,
        (byte) 0xba,
        (byte) 0xf8,
        0x03, // mov dx, 0x3f8
        (byte) 0xb9,
        (byte) WRITE_ROUNDS,
        0,
        0,
        0, // mov ecx, rounds
        (byte) 0xee, // out dx, al
        (byte) 0xa2,
        0x00,
        0x00,
        0x02,
        0x00, // mov [0x20000], al
        (byte) 0xe2,
        (byte) 0xf8, // loop
        (byte) 0xb9,
        READ_ROUNDS,
        0,
        0,
        0, // mov ecx, rounds
        (byte) 0xec, // in al, dx
        (byte) 0xa0,
        0x00,
        0x00,
        0x02,
        0x00, // mov al, [0x20000]
        (byte) 0xe2,
        (byte) 0xf8, // loop
        0x0f,
        0x0b, // ud2
    };

    private WarmUp() {}

    /**
     * Takes some tens of milliseconds.
     *
     * @param engine makes a machine of one vCPU
     * @return what the other side saw
     */
    static ScratchPeer run(Supplier<Engine> engine, long spinNs) {
        try (LinkMemory supervisorLink = LinkMemory.create(LinkSpec.supervisor());
                LinkMemory deviceLink = LinkMemory.create(LinkSpec.device(1));
                EventFd supervisorRequests = EventFd.create();
                EventFd supervisorEvents = EventFd.create();
                EventFd deviceRequests = EventFd.create();
                EventFd deviceEvents = EventFd.create()) {
            final ScratchPeer peer = new ScratchPeer(
                    new ScratchPeer.Links(
                            supervisorLink,
                            supervisorRequests,
                            supervisorEvents,
                            deviceLink,
                            deviceRequests,
                            deviceEvents),
                    ScratchPeer.Manner.WARM_UP);
            final BoardEndpoint device = new BoardEndpoint(
                    deviceLink, deviceRequests, deviceEvents, new WaitPolicy(spinNs, READ_TIMEOUT_NS));
            final ProcessEndpoint supervisor =
                    new ProcessEndpoint(supervisorLink, supervisorRequests, supervisorEvents);
            runMachine(engine, supervisor, device, peer);
            return peer;
        }
    }

    private static void runMachine(
            Supplier<Engine> maker, ProcessEndpoint supervisor, BoardEndpoint endpoint, ScratchPeer peer) {
        try (Mapping ram = Mapping.anonymous(RAM_BYTES);
                PciRehearsal pci = new PciRehearsal();
                Engine engine = maker.get();
                EventFd attention = EventFd.create()) {
            engine.mapMemory(0, 0, RAM_BYTES, ram.segment(), false);
            final Vcpu vcpu = engine.createVcpu(0);
            MemorySegment.copy(GUEST, 0, ram.segment(), ValueLayout.JAVA_BYTE, CODE, GUEST.length);
            vcpu.setBootState(BootState.pvh(CODE, 0, 0, 0));
            final BoardDevice device = new BoardDevice(0, "scratch", endpoint, attention, false);
            final PciBus bus = pci.bus(device, engine);
            engine.prepare();
            final AddressMap.Builder ports = AddressMap.builder(WindowSpec.Space.PIO)
                    .window(WindowSpec.parse("pio:3f8:8"), "scratch", device, 0);
            final AddressMap.Builder memory = AddressMap.builder(WindowSpec.Space.MMIO)
                    .window(new WindowSpec(WindowSpec.Space.MMIO, DEVICE_ADDRESS, 16), "scratch", device, 1);
            bus.addTo(ports, memory);
            final Board.Maps maps = new Board.Maps(ports.build(), memory.build(), bus);
            final Board board =
                    new Board(supervisor, attention, null, List.of(device), List.of(vcpu), maps, READ_TIMEOUT_NS);
            final Thread other = new Thread(peer, "scratch-peer");
            other.setDaemon(true);
            other.start();
            board.startThreads();
            pci.interrupt();
            board.serve();
            join(other);
            pci.access(maps);
            rehearseTheEnd(endpoint, device, pci, maps);
            bus.close();
        }
    }

    /** What vCPUs meet while a device is being replaced, and when it is given up. The machine has ended: nobody waits. */
    private static void rehearseTheEnd(BoardEndpoint endpoint, BoardDevice device, PciRehearsal pci, Board.Maps maps) {
        endpoint.away(true, System.nanoTime());
        device.read(0, 0, 0, 1);
        device.write(0, 0, 0, 1, 0);
        endpoint.giveUp(1);
        endpoint.away(false, System.nanoTime());
        pci.accessBroken(device, maps);
        device.read(0, 0, 0, 1);
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException("nobody interrupts the main thread", e);
        }
    }
}
