package io.jvmm.vcpu.x86.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** All opcodes of all maps in the three modes, with prefixes and ModRM bytes, against objdump: a seeded part of all combinations. */
class SweepTest {
    private static final int SLOT_BYTES = 32;
    private static final int CASES = 30_000;
    private static final long SEED = 20261121;
    /** SIB, displacement and immediate; zeros follow, over which objdump skips. */
    private static final int[] TAIL = {0x85, 0x02, 0x93, 0x04, 0xf5, 0x06, 0x87, 0x08, 0x71};

    private static final int[][] PREFIXES_64 = {
        {},
        {0x66},
        {0xf3},
        {0xf2},
        {0x48},
        {0x45},
        {0x66, 0x48},
        {0x67},
        {0xf0},
        {0x64},
        {0xf3, 0x66},
        {0x66, 0xf2, 0x4a},
        {0x40}
    };
    private static final int[][] PREFIXES = {{}, {0x66}, {0xf3}, {0xf2}, {0x67}, {0xf0}, {0x26}, {0x66, 0x67}};
    private static final int[] MODRM = {0x01, 0x44, 0xc1, 0xc7, 0x05, 0x84};

    /**
     * Where objdump is known to think otherwise. Prefixes that the SDM's tables do not know with MMX and SSE opcodes, aliases of
     * x87, fences with rm not 0, F2 with BSF and 66 with FXSAVE were decided by trying them on a processor (Zen 5); 0F 0D
     * with a register by AMD's manual; 66 with VERR does nothing.
     */
    private static final Pattern OTHERWISE = Pattern.compile(
            "(?:mfence|sfence|lfence|bs[fr]|f(?:com|comp|xch|stp|nop)|wbinvd|fwait|nop|mov_seg|ver[rw]|bndmk|prefetch.*)\\b.*");

    /** Written differently, as those that read a far pointer, or branch to 16 bits. */
    private static final Set<Op> OTHER_WORDS = Set.of(
            Op.JCC,
            Op.JCXZ,
            Op.LOOP,
            Op.LOOPE,
            Op.LOOPNE,
            Op.JMP,
            Op.CALL,
            Op.JMP_FAR,
            Op.CALL_FAR,
            Op.LES,
            Op.LDS,
            Op.LSS,
            Op.LFS,
            Op.LGS,
            Op.BOUND,
            Op.MOV_SEG,
            Op.LDDQU,
            Op.MOVSXD,
            Op.XCHG,
            Op.MOVMSKPS,
            Op.MOVMSKPD,
            Op.PMOVMSKB,
            Op.PUSH);

    @TempDir
    Path directory = Path.of("");

    @ParameterizedTest
    @ValueSource(ints = {64, 32, 16})
    void everyOpcode(int bits) throws Exception {
        byte[] code = cases(bits);
        Path file = directory.resolve("sweep.bin");
        Files.write(file, code);
        String machine = bits == 64 ? "i386:x86-64" : bits == 32 ? "i386" : "i8086";
        Process objdump = new ProcessBuilder(
                        List.of("objdump", "-D", "-w", "-b", "binary", "-m", machine, "-M", "intel", file.toString()))
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        List<String> differences = new ArrayList<>();
        Insn insn = new Insn();
        int compared = 0;
        int valid = 0;
        try (BufferedReader reader = objdump.inputReader()) {
            String line;
            while ((line = reader.readLine()) != null) {
                String[] fields = line.split("\t", -1);
                if (fields.length < 3 || !fields[0].endsWith(":")) {
                    continue;
                }
                int at = Integer.parseInt(fields[0].strip().replace(":", ""), 16);
                if (at % SLOT_BYTES == 0) {
                    compared++;
                    assertTrue(Decoder.decode(code, at, at + SLOT_BYTES, bits / 8, insn), "incomplete at " + at);
                    String theirs = ObjdumpTest.normal(fields[2]);
                    String difference = difference(insn, ObjdumpTest.bytes(fields[1].strip()).length, theirs);
                    valid += insn.op == Op.INVALID ? 0 : 1;
                    if (difference != null && code[at] != (byte) 0xf0) {
                        differences.add(difference + ": " + HexFormat.of().formatHex(code, at, at + 12) + "  objdump "
                                + theirs + "  decoder " + IntelText.of(insn, at) + " " + insn.length);
                    }
                }
            }
        }
        objdump.waitFor();
        System.out.println(
                bits + " bits: seed " + SEED + ", " + compared + " cases compared, " + valid + " of them valid");
        assertTrue(compared > CASES / 3, "too few: " + compared);
        assertEquals("", String.join("\n", differences.subList(0, Math.min(40, differences.size()))));
    }

    private static @Nullable String difference(Insn insn, int length, String theirs) {
        String ours = IntelText.of(insn, 0);
        String word = theirs.split(" ", 2)[0];
        boolean bad =
                ObjdumpTest.NOT_OFFERED.matcher(word).matches() || theirs.contains("(bad)") || theirs.contains("?");
        if (OTHERWISE.matcher(ours).matches()
                || insn.op == Op.MOV_SEG
                || word.startsWith("fn")
                || word.startsWith("bnd")) {
            return null;
        }
        if (insn.op == Op.INVALID || bad) {
            return insn.op == Op.INVALID && (bad || REFUSED.matcher(theirs).matches()) ? null : "existence";
        }
        if (insn.length != length) {
            return "length";
        }
        boolean sameWord = word.equals(ours.split(" ", 2)[0]);
        if (ours.replaceFirst("\\w+ PTR ", "").equals(theirs)) {
            // MOV with an absolute address has no keyword.
            return null;
        }
        return sameWord && !OTHER_WORDS.contains(insn.op) && !ObjdumpTest.agree(insn, ours, theirs) ? "operands" : null;
    }

    private static final Pattern REFUSED = Pattern.compile(
            "(?:fxsave|fxrstor|ldmxcsr|stmxcsr|xsetbv|pmovmskb|mov \\w+,[cdt]r\\d+|mov [cdt]r\\d+|mov cs)\\b.*");

    private static byte[] cases(int bits) {
        Random random = new Random(SEED);
        int[][] prefixes = bits == 64 ? PREFIXES_64 : PREFIXES;
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int i = 0; i < CASES; i++) {
            byte[] one = new byte[SLOT_BYTES];
            int k = 0;
            for (int prefix : prefixes[random.nextInt(prefixes.length)]) {
                one[k++] = (byte) prefix;
            }
            int map = random.nextInt(4);
            int opcode = random.nextInt(256);
            if ((map == 0 && opcode == 0x0f)
                    || (map == 1 && (opcode == 0x38 || opcode == 0x3a))
                    || (map == 0 && isPrefix(opcode, bits))) {
                continue;
            }
            if (map > 0) {
                one[k++] = 0x0f;
            }
            if (map > 1) {
                one[k++] = (byte) (map == 2 ? 0x38 : 0x3a);
            }
            one[k++] = (byte) opcode;
            one[k++] = (byte) (MODRM[random.nextInt(MODRM.length)] | random.nextInt(8) << 3);
            for (int b : TAIL) {
                one[k++] = (byte) b;
            }
            out.writeBytes(one);
        }
        return out.toByteArray();
    }

    private static boolean isPrefix(int opcode, int bits) {
        return switch (opcode) {
            case 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x9b -> true;
            default -> bits == 64 && (opcode & 0xf0) == 0x40;
        };
    }
}
