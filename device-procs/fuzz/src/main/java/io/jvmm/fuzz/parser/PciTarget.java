package io.jvmm.fuzz.parser;

import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.fuzz.machine.FindingException;
import io.jvmm.fuzz.program.InputReader;
import io.jvmm.vcpu.board.AddressMap;
import io.jvmm.vcpu.board.PciMap;
import io.jvmm.vcpu.board.pci.PciBus;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Configuration space, BARs, MSI-X table and ECAM of the board, as a guest reaches them. An operation is five bytes and the address's:
 *
 * <pre>
 *   u8 how: bits 0..1 width, 2 write, 3..4 where: 0 configuration ports, 1 ECAM, 2 what PCI decodes, 3 the function's configuration
 *   u32 value, where ECAM: u16 offset in the first slots; decoded: u32 address; others: u8 register
 * </pre>
 *
 * <p>Held against it: no bits above the width; and at the end the state of the bus is one that it loads, and then is the same.
 */
public final class PciTarget implements FuzzTarget {
    private static final int OPERATION_BYTES = 7;
    private static final int MOST = 256;

    private final BoardRig rig = new BoardRig();
    private final PciBus bus;
    private final AddressMap ports;
    private final AddressMap memory;
    private final byte[] fresh;
    private final InputReader in = new InputReader();

    public PciTarget() {
        bus = rig.bus(false);
        String problem = rig.declare(bus);
        if (!problem.isEmpty()) {
            throw new IllegalStateException(problem);
        }
        ports = BoardRig.ports(bus);
        memory = BoardRig.memory(bus);
        fresh = new byte[bus.stateLengthBytes()];
        bus.saveState(MemorySegment.ofArray(fresh));
    }

    @Override
    public void run(byte[] input) {
        bus.loadState(MemorySegment.ofArray(fresh));
        in.wrap(input);
        for (int i = 0; i < MOST && in.hasMore(); i++) {
            access();
        }
        byte[] state = new byte[fresh.length];
        bus.saveState(MemorySegment.ofArray(state));
        try {
            bus.loadState(MemorySegment.ofArray(state));
        } catch (IllegalArgumentException e) {
            throw new FindingException("a state that a guest has left is refused: " + e.getMessage(), e);
        }
        byte[] again = new byte[fresh.length];
        bus.saveState(MemorySegment.ofArray(again));
        if (!java.util.Arrays.equals(state, again)) {
            throw new FindingException("a state that was loaded is not the one that was saved");
        }
    }

    private void access() {
        int how = in.u8();
        long value = in.u32();
        int width = 1 << (how & 3);
        boolean write = (how & 4) != 0;
        switch (how >>> 3 & 3) {
            case 0 -> ports(Math.min(width, 4), write, value);
            case 1 -> memory(PciMap.ECAM_START + in.u16(), width, write, value);
            case 2 ->
                memory(
                        PciMap.DECODED_START + in.u32() % (PciMap.DECODED_END - PciMap.DECODED_START),
                        width,
                        write,
                        value);
            default ->
                memory(PciMap.ECAM_START + ((long) BoardRig.SLOT << 15) + (in.u8() & -width), width, write, value);
        }
    }

    private void ports(int width, boolean write, long value) {
        int register = in.u8();
        if ((register & 0x80) != 0) {
            ports.write(0, PciMap.CONFIG_ADDRESS_PORT, 4, 0x8000_0000L | value, rig.counters());
        }
        int port = PciMap.CONFIG_DATA_PORT + (register & 3);
        if (write) {
            ports.write(0, port, width, value, rig.counters());
        } else {
            check(ports.read(0, port, width, rig.counters()), width);
        }
    }

    private void memory(long address, int width, boolean write, long value) {
        if (write) {
            memory.write(
                    0,
                    address,
                    width,
                    width == 8 ? value | value << 32 : value & ((1L << (8 * width)) - 1),
                    rig.counters());
        } else {
            check(memory.read(0, address, width, rig.counters()), width);
        }
    }

    private static void check(long value, int width) {
        if (width < Long.BYTES && value >>> (8 * width) != 0) {
            throw new FindingException("bits above the width of " + width + " bytes: " + Long.toHexString(value));
        }
    }

    @Override
    public List<Integer> parts(byte[] input) {
        List<Integer> parts = new ArrayList<>();
        int at = 0;
        while (at < input.length) {
            int length = switch (input[at] >>> 3 & 3) {
                case 1 -> OPERATION_BYTES;
                case 2 -> OPERATION_BYTES + 2;
                default -> OPERATION_BYTES - 1;
            };
            parts.add(Math.min(length, input.length - at));
            at += length;
        }
        return parts;
    }

    /** Enable MSI-X and bus mastering, size and move the BARs, write to the table. */
    @Override
    public List<byte[]> seeds() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        byte[][] operations = {
            {0x18, 0, 0, 0, 0, 0x00},
            {0x1E, -1, -1, -1, -1, 0x10},
            {0x1A, 0, 0, 0, 0, 0x10},
            {0x1E, 0, 0, 0, (byte) 0xC1, 0x10},
            {0x1E, 0, 0, 0, (byte) 0xC2, 0x14},
            {0x1D, 7, 4, 0, 0, 0x04},
            {0x1D, 0, (byte) 0x80, 0, 0, 0x42},
            {0x16, 0, 0, (byte) 0xE0, (byte) 0xFE, 0, 0, 0, 0x42},
            {0x12, 0, 0, 0, 0, 0, 0, 0, 0x41},
            {0x02, 4, 8, 0, 0, (byte) 0x80},
        };
        for (byte[] operation : operations) {
            out.writeBytes(operation);
        }
        return List.of(out.toByteArray());
    }
}
