package io.jvmm.vcpu.boot;

import io.jvmm.ipc.sys.Mapping;
import io.jvmm.vcpu.board.E820;
import io.jvmm.vcpu.engine.BootState;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What a loader did: what lies where, and how the boot processor starts.
 *
 * @param format the kernel's format and how it is entered, for people
 * @param placements by address, without overlaps
 * @param rom to be mapped so that it ends at 4 GiB, for firmware
 */
public record BootPlan(
        String kernelName,
        String format,
        BootState state,
        E820 map,
        List<Placement> placements,
        Optional<Mapping> rom) {
    public BootPlan {
        placements = List.copyOf(placements);
    }

    /** Of a kernel. */
    public BootPlan(String kernelName, String format, BootState state, E820 map, List<Placement> placements) {
        this(kernelName, format, state, map, placements, Optional.empty());
    }

    /** A table, one line for each placement; ends with a newline. */
    public String format(String indent) {
        final StringBuilder b = new StringBuilder(1024);
        b.append(indent)
                .append("kernel ")
                .append(kernelName)
                .append(": ")
                .append(format)
                .append('\n');
        b.append(indent).append(entryLine()).append('\n');
        for (final E820.Entry e : map.entries()) {
            b.append(row(indent, "e820 " + e.type().name().toLowerCase(Locale.ROOT), e.start(), e.lengthBytes(), ""));
        }
        for (final Placement p : placements) {
            b.append(row(indent, p.what(), p.start(), p.lengthBytes(), p.detail()));
        }
        return b.toString();
    }

    private String entryLine() {
        return switch (state.mode()) {
            case LONG_64 ->
                "entry " + BootException.hex(state.rip()) + " in long mode, rsi=" + BootException.hex(state.rsi())
                        + " cr3=" + BootException.hex(state.cr3());
            case PROTECTED_32 ->
                "entry " + BootException.hex(state.rip()) + " in 32-bit protected mode, ebx="
                        + BootException.hex(state.rbx());
            case REAL_16 ->
                "entry " + Integer.toHexString(state.codeSelector()) + ":" + Long.toHexString(state.rip())
                        + " in real mode";
        };
    }

    private static String row(String indent, String what, long start, long length, String detail) {
        final String line = indent
                + String.format(
                        Locale.ROOT,
                        "%012x..%012x  %10s  %-20s  %s",
                        start,
                        start + Math.max(0, length - 1),
                        size(length),
                        what,
                        detail);
        return line.stripTrailing() + "\n";
    }

    private static String size(long bytes) {
        return bytes < 1 << 20 || (bytes & 0xF_FFFF) != 0 ? ((bytes + 1023) >> 10) + " KiB" : (bytes >> 20) + " MiB";
    }
}
