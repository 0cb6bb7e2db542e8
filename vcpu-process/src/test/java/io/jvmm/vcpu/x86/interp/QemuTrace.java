package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.decode.Op;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The registers before every instruction as QEMU's TCG (a processor that is not ours) sees them, for a guest in RAM
 * that begins at 0:ORIGIN in real mode and ends with OUT to port f4.
 */
final class QemuTrace {
    private static final int ORIGIN = 0xa000;
    private static final String PROGRAM =
            "qemu-system-x86_64 -accel tcg -singlestep -cpu EPYC,-svm -m 16 -nodefaults -display none"
                    + " -no-reboot -bios rom -device isa-debug-exit,iobase=0xf4,iosize=1"
                    + " -device loader,file=low,addr=0,force-raw=on -device loader,file=high,addr=0x200000,force-raw=on"
                    + " -d cpu,nochain";
    private static final int ROM_BYTES = 0x1_0000;
    private static final Pattern REGISTER = Pattern.compile("([A-Z0-9]{2,3}) *=([0-9a-f]+)");
    private static final Pattern SEGMENT =
            Pattern.compile("(ES|CS|SS|DS|FS|GS|LDT|TR) *=([0-9a-f]{4}) ([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+).*");
    private static final Pattern TABLE = Pattern.compile("([GI]DT)= +([0-9a-f]+) ([0-9a-f]+)");
    private static final String[] GENERAL = {
        "AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI", "8", "9", "10", "11", "12", "13", "14", "15"
    };
    private static final String[] SEGMENTS = {"ES", "CS", "SS", "DS", "FS", "GS", "LDT", "TR"};
    /** But for the limit and the bit accessed, which QEMU sets in memory only. */
    private static final int ATTRIBUTES = 0xf0_fe00;

    private final BufferedReader log;
    /** Name to value: the registers before the present instruction. Empty at the end. */
    private final Map<String, Long> entry = new HashMap<>();

    private @Nullable String firstLine;

    private QemuTrace(BufferedReader log) throws IOException {
        this.log = log;
        firstLine = log.readLine();
    }

    /** What is done with a trace. */
    interface Use {
        void with(QemuTrace trace) throws IOException;
    }

    /** Runs QEMU over a copy of the rig's RAM: what lies under 640 KiB, and the first 256 KiB from 2 MiB. */
    static void of(SystemRig rig, Use use) throws IOException, InterruptedException {
        final Path directory = Files.createTempDirectory("jvmm-qemu");
        try {
            final byte[] rom = new byte[ROM_BYTES];
            // At ffff:fff0, ljmp 0:ORIGIN.
            final byte[] jump = {(byte) 0xea, (byte) ORIGIN, (byte) (ORIGIN >> 8), 0, 0};
            System.arraycopy(jump, 0, rom, 0xfff0, jump.length);
            Files.write(directory.resolve("rom"), rom);
            Files.write(directory.resolve("low"), rig.ram.asSlice(0, 0xa_0000).toArray(ValueLayout.JAVA_BYTE));
            Files.write(
                    directory.resolve("high"),
                    rig.ram.asSlice(0x20_0000, 0x4_0000).toArray(ValueLayout.JAVA_BYTE));
            final Process qemu = new ProcessBuilder((PROGRAM + " -D log").split(" "))
                    .directory(directory.toFile())
                    .redirectErrorStream(true)
                    .start();
            final String said = new String(qemu.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (!qemu.waitFor(60, TimeUnit.SECONDS)) {
                qemu.destroyForcibly();
            }
            if (!Files.exists(directory.resolve("log"))) {
                throw new IOException("qemu-system-x86_64 (apt-get install qemu-system-x86) left no trace: " + said);
            }
            try (BufferedReader log = Files.newBufferedReader(directory.resolve("log"))) {
                use.with(new QemuTrace(log));
            }
        } finally {
            for (String name : List.of("rom", "low", "high", "log")) {
                Files.deleteIfExists(directory.resolve(name));
            }
            Files.deleteIfExists(directory);
        }
    }

    /** Goes to the next entry. Returns false at the end. */
    boolean next() throws IOException {
        entry.clear();
        String line = firstLine;
        while (line != null) {
            parse(line);
            line = log.readLine();
            if (line != null && (line.startsWith("RAX=") || line.startsWith("EAX="))) {
                break;
            }
        }
        firstLine = line;
        return !entry.isEmpty();
    }

    /** A value of the present entry. */
    long value(String name) {
        return Objects.requireNonNull(entry.get(name), name);
    }

    private void parse(String line) {
        final Matcher segment = SEGMENT.matcher(line);
        if (segment.matches()) {
            final String name = segment.group(1);
            entry.put(name, number(segment.group(2)));
            entry.put(name + ".base", number(segment.group(3)));
            entry.put(name + ".limit", number(segment.group(4)));
            entry.put(name + ".flags", number(segment.group(5)) & ATTRIBUTES);
            return;
        }
        final Matcher table = TABLE.matcher(line);
        if (table.find()) {
            entry.put(table.group(1) + ".base", number(table.group(2)));
            entry.put(table.group(1) + ".limit", number(table.group(3)));
            return;
        }
        if (!line.startsWith("CC") && !line.startsWith("XMM") && !line.startsWith("FP")) {
            final Matcher register = REGISTER.matcher(line);
            while (register.find()) {
                entry.put(register.group(1), number(register.group(2)));
            }
        }
    }

    private static long number(String hex) {
        return Long.parseUnsignedLong(hex, 16);
    }

    /** What differs between an entry and our processor, or an empty text. */
    static String difference(Map<String, Long> entry, Cpu cpu) {
        final Compare compare = new Compare(entry);
        final boolean wide = entry.containsKey("RAX");
        final String prefix = wide ? "R" : "E";
        final long mask = wide ? -1L : 0xffff_ffffL;
        for (int i = 0; i < (wide ? 16 : 8); i++) {
            final String name = i < 8 ? prefix + GENERAL[i] : "R" + GENERAL[i];
            compare.value(name, cpu.r[i] & mask);
        }
        compare.value(prefix + "IP", cpu.rip);
        // QEMU clears RF too early behind IRET (SDM 3B 18.3.1.1 has it cleared by the instruction after).
        compare.value(wide ? "RFL" : "EFL", cpu.flags() & ~Flags.RF);
        compare.value("CPL", cpu.cpl);
        for (int i = 0; i < SEGMENTS.length; i++) {
            final Segment s = cpu.segments[i];
            final String name = SEGMENTS[i];
            compare.value(name, s.selector);
            if (!cpu.isProtected() || (s.selector & 0xfffc) != 0) {
                compare.value(name + ".base", s.base);
                compare.value(name + ".limit", s.limit);
                if (cpu.isProtected()) {
                    compare.attributes(name, s.access << 8);
                }
            }
        }
        compare.value("GDT.base", cpu.gdtBase);
        compare.value("GDT.limit", cpu.gdtLimit);
        compare.value("IDT.base", cpu.idtBase);
        compare.value("IDT.limit", cpu.idtLimit);
        compare.value("CR0", cpu.cr0);
        compare.value("CR2", cpu.cr2);
        compare.value("CR3", cpu.cr3);
        compare.value("CR4", cpu.cr4);
        compare.value("EFER", cpu.efer);
        compare.value("DR6", cpu.dr[6]);
        compare.value("DR7", cpu.dr[7]);
        return compare.text.toString();
    }

    private static final class Compare {
        final StringBuilder text = new StringBuilder();
        private final Map<String, Long> entry;

        Compare(Map<String, Long> entry) {
            this.entry = entry;
        }

        /** The busy bit of a TSS too QEMU sets in memory only. */
        void attributes(String name, int ours) {
            final int mask = name.equals("TR") ? ATTRIBUTES & ~0x200 : ATTRIBUTES;
            final Long theirs = entry.get(name + ".flags");
            if (theirs != null && ((theirs ^ ours) & mask) != 0) {
                value(name + ".flags", ours & mask);
            }
        }

        void value(String name, long ours) {
            final Long theirs = entry.get(name);
            if (theirs != null && theirs != ours) {
                text.append(name)
                        .append(" ours ")
                        .append(Long.toHexString(ours))
                        .append(" QEMU ")
                        .append(Long.toHexString(theirs))
                        .append("; ");
            }
        }
    }

    /** Steps {@code rig} beside the trace, from its present entry on. Returns the number of instructions compared. */
    int follow(SystemRig rig) throws IOException {
        int compared = 0;
        String before = "the start";
        boolean more = true;
        while (more) {
            if (compared > 0 && rig.lastOp() == Op.SYSCALL) {
                // QEMU loses the status flags, which SYSCALL masks with IA32_FMASK only (SDM 2).
                rig.cpu.setStatusFlags((int) value("RFL"));
            }
            final String difference = difference(entry, rig.cpu);
            if (!difference.isEmpty()) {
                throw new AssertionError("after " + before + " (instruction " + compared + "): " + difference);
            }
            compared++;
            final long rip = rig.cpu.rip;
            before = Long.toHexString(rig.cpu.segments[Segment.CS].selector) + ":" + Long.toHexString(rip);
            // A repeated string instruction is one of our steps, and one entry for each item to QEMU.
            do {
                rig.step();
            } while (rig.cpu.rip == rip && (rig.cpu.otherFlags & Flags.RF) != 0);
            do {
                more = next();
            } while (more && rip() == rip && rig.cpu.rip != rip);
        }
        return compared;
    }

    private long rip() {
        final Long wide = entry.get("RIP");
        return wide != null ? wide : value("EIP");
    }
}
