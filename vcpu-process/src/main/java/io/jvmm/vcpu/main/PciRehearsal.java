package io.jvmm.vcpu.main;

import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.message.PciFunction;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.vcpu.board.Board;
import io.jvmm.vcpu.board.BoardDevice;
import io.jvmm.vcpu.board.Counters;
import io.jvmm.vcpu.board.ExpansionBus;
import io.jvmm.vcpu.board.PciMap;
import io.jvmm.vcpu.board.pci.PciBus;
import io.jvmm.vcpu.board.pci.PciSlot;
import io.jvmm.vcpu.engine.Engine;
import java.util.List;

/**
 * PCI in the scratch machine: a function that the scratch device declares, and every kind of access to it, so that no class of these ways
 * is left to be loaded behind the narrow filter. Main thread.
 */
final class PciRehearsal implements AutoCloseable {
    static final int SLOT = 1;
    static final int VECTORS = 2;

    private static final int QUEUES = 1;
    private static final int BAR_BYTES = 0x1000;
    private static final int NOTIFY = 0x800;
    private static final int ISR = 0x100;
    private static final int NOTIFY_BYTES = 4;
    private static final int MULTIPLIER = 4;

    /** virtio's capability "ISR status" in BAR 0 (virtio 1.2 §4.1.4). */
    private static final byte[] CAPABILITY = {9, 0, 16, 3, 0, 0, 0, 0, 0, 1, 0, 0, 4, 0, 0, 0};

    private static final int COMMAND = 4;
    private static final int COMMAND_MEMORY_AND_MASTER = 6;
    private static final int MSIX_CONTROL = 0x42;
    private static final int MSIX_ENABLE = 0x8000;
    private static final int TABLE_BAR = 0x20;
    private static final int PBA = 0x800;
    private static final long MESSAGE_ADDRESS = 0xFEE0_0000L;
    private static final int MESSAGE_DATA = 0x40;

    /** Of the ISA bridge in slot 31. */
    private static final long PIRQ_REGISTERS = PciMap.ECAM_START + (31 << 15) + 0x60;

    private static final int PIRQ_ROUTES = 0x0B0B_0A0A;

    private final EventFd vector = EventFd.create();
    private final EventFd otherVector = EventFd.create();
    private final EventFd intx = EventFd.create();
    private final EventFd again = EventFd.create();

    /** What the scratch device says of itself before it is ready. */
    static void declare(DeviceEndpoint device) {
        device.pciFunction(new PciFunction(
                0,
                0x1AF4,
                0x1041,
                0x1AF4,
                0x1041,
                0x020000,
                1,
                VECTORS,
                QUEUES,
                BAR_BYTES,
                NOTIFY,
                MULTIPLIER,
                NOTIFY_BYTES));
        device.pciCapability(0, CAPABILITY.clone());
    }

    PciBus bus(BoardDevice device, Engine engine) {
        return new PciBus(
                List.of(new PciSlot(
                        SLOT,
                        device,
                        0,
                        List.of(
                                new PciSlot.Vector(vector, engine.attachMessage(vector.fd())),
                                new PciSlot.Vector(otherVector, engine.attachMessage(otherVector.fd()))),
                        intx,
                        again)),
                engine,
                PciMap.PIC_LINES,
                false,
                new Counters());
    }

    /** The device asserts its INTx. */
    void interrupt() {
        intx.signal();
    }

    /** What a kernel does to find and to drive the function. */
    void access(Board.Maps maps) {
        final Counters counters = new Counters();
        final long config = PciMap.ECAM_START + (SLOT << 15);
        maps.ports().write(0, PciMap.CONFIG_ADDRESS_PORT, 4, 0x8000_0000L | (SLOT << 11), counters);
        maps.ports().read(0, PciMap.CONFIG_DATA_PORT, 4, counters);
        maps.memory().write(0, config + COMMAND, 2, COMMAND_MEMORY_AND_MASTER, counters);
        final long table = maps.memory().read(0, config + TABLE_BAR, 4, counters);
        maps.memory().write(0, config + MSIX_CONTROL, 2, MSIX_ENABLE, counters);
        vector.signal();
        maps.memory().read(0, table + PBA, 8, counters);
        maps.memory().write(0, table, 4, MESSAGE_ADDRESS, counters);
        maps.memory().write(0, table + 8, 4, MESSAGE_DATA, counters);
        maps.memory().write(0, table + 12, 4, 0, counters);
        maps.memory().write(0, table + 12, 4, 1, counters);
        maps.memory().write(0, config + MSIX_CONTROL, 2, 0, counters);
        maps.memory().write(0, PciMap.WINDOW_START + NOTIFY, 2, 0, counters);
        maps.memory().write(0, PIRQ_REGISTERS, 4, PIRQ_ROUTES, counters);
    }

    /** The device is given up, and its driver lets go. */
    void accessBroken(BoardDevice device, Board.Maps maps) {
        final Counters counters = new Counters();
        final ExpansionBus bus = maps.bus();
        if (bus != null) {
            bus.broken(device);
        }
        device.breakDown();
        maps.memory().write(0, PciMap.WINDOW_START, 4, 0, counters);
        maps.memory().read(0, PciMap.WINDOW_START, 4, counters);
        maps.memory().read(0, PciMap.WINDOW_START + ISR, 1, counters);
        maps.memory().write(0, PciMap.WINDOW_START + NOTIFY, 2, 0, counters);
    }

    @Override
    public void close() {
        vector.close();
        otherVector.close();
        intx.close();
        again.close();
    }
}
