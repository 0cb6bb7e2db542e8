package io.jvmm.fuzz.parser;

import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.LinkKind;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.message.PciFunction;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.vcpu.board.AddressMap;
import io.jvmm.vcpu.board.BoardDevice;
import io.jvmm.vcpu.board.Counters;
import io.jvmm.vcpu.board.PciMap;
import io.jvmm.vcpu.board.WindowSpec;
import io.jvmm.vcpu.board.pci.PciBus;
import io.jvmm.vcpu.board.pci.PciSlot;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** A PCI bus with one function in slot 1, whose device never answers. Made once; buses over its slot are made as often as one likes. */
final class BoardRig {
    static final int SLOT = 1;
    static final int VECTORS = 3;
    private static final long AT_ONCE_NS = 1;
    private static final int BAR_BYTES = 0x4000;
    private static final int ISR = 0x1000;
    private static final int DEVICE = 0x2000;
    private static final int NOTIFY = 0x3000;
    private static final int CAPABILITY = 9;

    private final SilentEngine engine = new SilentEngine();
    private final BoardDevice device;
    private final PciSlot slot;
    private final Counters counters = new Counters();

    BoardRig() {
        LinkMemory link = LinkMemory.create(LinkSpec.device(1));
        BoardEndpoint end = new BoardEndpoint(
                LinkMemory.attach(link.fd(), LinkKind.DEVICE),
                EventFd.create(),
                EventFd.create(),
                new WaitPolicy(0, AT_ONCE_NS));
        device = new BoardDevice(0, "fuzzed", end, EventFd.create(), false);
        List<PciSlot.Vector> vectors = new ArrayList<>();
        for (int i = 0; i < VECTORS; i++) {
            EventFd line = EventFd.create();
            vectors.add(new PciSlot.Vector(line, engine.attachMessage(line.fd())));
        }
        slot = new PciSlot(SLOT, device, 0, vectors, EventFd.create(), EventFd.create());
    }

    BoardDevice device() {
        return device;
    }

    Counters counters() {
        return counters;
    }

    /** A bus on which nothing is declared yet. */
    PciBus bus(boolean firmware) {
        return new PciBus(List.of(slot), engine, PciMap.PIC_LINES, firmware, counters);
    }

    /** As a network function declares itself; empty when all is well. */
    String declare(PciBus bus) {
        bus.declare(
                device,
                new PciFunction(
                        0, 0x1AF4, 0x1041, 0x1AF4, 0x1041, 0x02_0000, 1, VECTORS, 2, BAR_BYTES, NOTIFY, 4, 0x1000));
        bus.declare(device, 0, capability(1, 0, 0x38));
        bus.declare(device, 0, capability(3, ISR, 4));
        bus.declare(device, 0, capability(4, DEVICE, 0x100));
        bus.declare(device, 0, capability(2, NOTIFY, 0x1000, 4));
        bus.declare(device, 0, capability(5, 0, 0, 0));
        return bus.assemble();
    }

    /** {@code struct virtio_pci_cap} (virtio 1.2 §4.1.4), with a word behind it or none. */
    static byte[] capability(int kind, int offset, int length, int... more) {
        ByteBuffer b = ByteBuffer.allocate(16 + 4 * more.length).order(ByteOrder.LITTLE_ENDIAN);
        b.put((byte) CAPABILITY).put((byte) 0).put((byte) b.capacity()).put((byte) kind);
        b.putInt(8, offset).putInt(12, length);
        if (more.length > 0) {
            b.putInt(16, more[0]);
        }
        return b.array();
    }

    static AddressMap ports(PciBus bus) {
        AddressMap.Builder ports = AddressMap.builder(WindowSpec.Space.PIO);
        bus.addTo(ports, AddressMap.builder(WindowSpec.Space.MMIO));
        return ports.build();
    }

    static AddressMap memory(PciBus bus) {
        AddressMap.Builder memory = AddressMap.builder(WindowSpec.Space.MMIO);
        bus.addTo(AddressMap.builder(WindowSpec.Space.PIO), memory);
        return memory.build();
    }
}
