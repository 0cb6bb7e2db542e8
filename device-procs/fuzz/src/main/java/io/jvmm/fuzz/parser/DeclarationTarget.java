package io.jvmm.fuzz.parser;

import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.fuzz.machine.FindingException;
import io.jvmm.fuzz.program.InputReader;
import io.jvmm.ipc.message.PciFunction;
import io.jvmm.vcpu.board.AddressMap;
import io.jvmm.vcpu.board.PciMap;
import io.jvmm.vcpu.board.pci.PciBus;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;

/** What a hostile device declares of its PCI function: a reason why not, or a bus that a guest can enumerate; never an exception. */
public final class DeclarationTarget implements FuzzTarget {
    private static final int MOST = 12;
    private static final int CONFIG_BYTES = 256;

    private final BoardRig rig = new BoardRig();
    private final InputReader in = new InputReader();

    @Override
    public void run(byte[] input) {
        in.wrap(input);
        try (PciBus bus = rig.bus((in.u8() & 1) != 0)) {
            declare(bus, input);
            String problem = bus.assemble();
            if (problem.indexOf('\n') >= 0) {
                throw new FindingException("a problem is not one line: " + problem);
            }
            if (problem.isEmpty()) {
                enumerate(bus);
            }
        }
    }

    private void declare(PciBus bus, byte[] input) {
        try {
            bus.declare(
                    rig.device(),
                    new PciFunction(
                            in.u8(),
                            in.u16(),
                            in.u16(),
                            in.u16(),
                            in.u16(),
                            in.u24(),
                            in.u8(),
                            in.u16(),
                            in.u16(),
                            1 << (in.u8() & 31),
                            (int) in.u32(),
                            1 << (in.u8() & 31),
                            (int) in.u32()));
        } catch (IllegalArgumentException e) {
            return; // the adapter severs the link there
        }
        for (int i = 0; i < MOST && in.hasMore(); i++) {
            int function = in.u8() & 1;
            int length = Math.max(1, in.u8());
            int at = in.position();
            int taken = in.skip(length);
            if (taken > 0) {
                bus.declare(rig.device(), function, Arrays.copyOfRange(input, at, at + taken));
            }
        }
    }

    /** The capability list ends, and every register can be read. */
    private void enumerate(PciBus bus) {
        AddressMap memory = BoardRig.memory(bus);
        long base = PciMap.ECAM_START + ((long) BoardRig.SLOT << 15);
        long next = memory.read(0, base + 0x34, 1, rig.counters());
        int seen = 0;
        while (next != 0 && next != 0xFF) {
            if (++seen > CONFIG_BYTES / 4 || next < 0x40) {
                throw new FindingException(
                        "the list of capabilities has no end, or leaves its place: 0x" + Long.toHexString(next));
            }
            next = memory.read(0, base + next + 1, 1, rig.counters());
        }
        for (int register = 0; register < CONFIG_BYTES; register += 4) {
            memory.write(0, base + register, 4, -1L & 0xFFFF_FFFFL, rig.counters());
            memory.read(0, base + register, 4, rig.counters());
        }
    }

    @Override
    public List<byte[]> seeds() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteBuffer function = ByteBuffer.allocate(29).order(ByteOrder.LITTLE_ENDIAN);
        function.put((byte) 0)
                .put((byte) 0)
                .putShort((short) 0x1AF4)
                .putShort((short) 0x1041)
                .putShort((short) 0x1AF4);
        function.putShort((short) 0x1041)
                .put((byte) 0)
                .putShort((short) 0x200)
                .put((byte) 1)
                .putShort((short) 3)
                .putShort((short) 2);
        function.put((byte) 14).putInt(0x3000).put((byte) 2).putInt(0x1000);
        out.write(function.array(), 0, function.position());
        for (byte[] capability : List.of(
                BoardRig.capability(1, 0, 0x38),
                BoardRig.capability(3, 0x1000, 4),
                BoardRig.capability(4, 0x2000, 0x100),
                BoardRig.capability(2, 0x3000, 0x1000, 4),
                BoardRig.capability(5, 0, 0, 0))) {
            out.write(0);
            out.write(capability.length);
            out.writeBytes(capability);
        }
        return List.of(out.toByteArray());
    }
}
