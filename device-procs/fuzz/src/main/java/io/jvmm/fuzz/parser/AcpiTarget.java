package io.jvmm.fuzz.parser;

import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.fuzz.machine.FindingException;
import io.jvmm.fuzz.program.InputReader;
import io.jvmm.vcpu.board.AcpiConfig;
import io.jvmm.vcpu.board.AcpiTables;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** The ACPI tables of any machine: each has its length and sums to 0 (ACPI 6.5 §5.2.6), and no two overlap. */
public final class AcpiTarget implements FuzzTarget {
    private static final int MOST_PORTS = 8;
    private static final int HEADER_BYTES = 36;

    private final InputReader in = new InputReader();

    @Override
    public void run(byte[] input) {
        in.wrap(input);
        int vcpus = in.u8();
        int flags = in.u8();
        List<AcpiConfig.ComPort> ports = new ArrayList<>();
        while (in.hasMore() && ports.size() < MOST_PORTS) {
            ports.add(new AcpiConfig.ComPort(in.u16(), in.u8()));
        }
        AcpiConfig config;
        try {
            config = new AcpiConfig(vcpus, ports, (flags & 1) != 0, (flags & 2) != 0);
        } catch (IllegalArgumentException e) {
            return; // no such machine
        }
        long end = 0;
        for (AcpiTables.Table table : AcpiTables.of(config).tables()) {
            check(table);
            if (table.address() < end) {
                throw new FindingException(table.signature() + " begins in the table before it");
            }
            end = table.address() + table.bytes().length;
        }
    }

    private static void check(AcpiTables.Table table) {
        byte[] bytes = table.bytes();
        if (bytes.length < HEADER_BYTES
                || table.signature().equals("FACS")
                || table.signature().startsWith("RSD")) {
            return; // of another form
        }
        int length = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt(4);
        int sum = 0;
        for (byte b : bytes) {
            sum += b;
        }
        if (length != bytes.length || (sum & 0xFF) != 0) {
            throw new FindingException(
                    table.signature() + ": length " + length + " of " + bytes.length + ", sum " + (sum & 0xFF));
        }
    }

    @Override
    public List<byte[]> seeds() {
        return List.of(
                new byte[] {1, 1, (byte) 0xF8, 3, 4},
                new byte[] {(byte) 0xFF, 3, (byte) 0xF8, 3, 4, (byte) 0xF8, 2, 3},
                new byte[] {2, 2});
    }
}
