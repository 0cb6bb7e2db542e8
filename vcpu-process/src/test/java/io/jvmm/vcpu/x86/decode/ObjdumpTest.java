package io.jvmm.vcpu.x86.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The decoder against binutils' disassembler, over real programs: length, mnemonic and operands of every instruction. */
class ObjdumpTest {
    /** Prefixes that objdump writes as words of their own. */
    private static final Pattern PREFIXES =
            Pattern.compile("^(?:(?:rep|repz|repnz|lock|bnd|notrack|data16|data32|addr16|addr32|cs|ds|es|ss|fs|gs"
                    + "|xacquire|xrelease|rex(?:\\.[WRXB]+)?) +)+");

    private static final Pattern SYMBOL = Pattern.compile("\\s*(?:<[^#]*>)?\\s*(?:#.*)?$");
    private static final Pattern DEFAULT_SEGMENT = Pattern.compile("\\b(?:ds|ss|es|cs):\\[");

    /** What is neither x86-64-v2 nor x87, by mnemonic: INVALID to us. */
    static final Pattern NOT_OFFERED = Pattern.compile(
            "v\\w+|k\\w+|movbe|sarx|shlx|shrx|bzhi|bls\\w+|andn|bextr|rorx|mulx|pdep|pext"
                    + "|xabort|xbegin|xend|xtest|xsavec.*|xsaves.*|xrstors.*|incssp.|rdpkru|wrpkru|aes\\w+|sha\\d.*|pclmul\\w+|rdrand|rdseed|invpcid"
                    + "|monitorx?|mwaitx?|cmpxchg16b|\\(bad\\)|clzero|invlpga|stgi|clgi|skinit|insertq|extrq|movnts[sd]"
                    + "|adcx|adox|getsec|encl.|rsm|tpause|umwait|umonitor|serialize|xsusldtrk|xresldtrk|rdpid|ptwrite|cldemote|wrss.|wruss.|saveprevssp"
                    + "|rstorssp|setssbsy|clrssbsy|movdir.*|enqcmd.*|gf2p8\\w+|bndmk|fisttpll|psmash|p\\w*invalidate|pvalidate|rmp\\w+|mcommit|rdpru|tlbsync|femms|a(?:add|and|or|xor)|senduipi|stui|encodekey\\w+|loadiwkey|clui|testui|uiret|seam\\w+|bound\\?|invept|invvpid|vm\\w+|tdcall|pconfig|invlpgb|montmul|xcrypt.*|xsha.*|xstore.*|ccs\\w+|llwpcb|slwpcb|lwp\\w+");

    /** Mnemonics of ours that mean one of several of objdump's, or whose operands are implicit. */
    private static final Map<String, String> SAME = Map.ofEntries(
            Map.entry("fstp1", "fstp"),
            Map.entry("fwait", "fwait"),
            Map.entry("icebp", "int1"),
            Map.entry("movabs", "mov"),
            // F3 is ignored where BMI and LZCNT are not offered.
            Map.entry("tzcnt", "bsf"),
            Map.entry("lzcnt", "bsr"));

    @ParameterizedTest
    @ValueSource(strings = {"/usr/bin/busybox", "/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libm.so.6"})
    void wholePrograms(String file) throws Exception {
        Path program = Path.of(file);
        assertTrue(Files.exists(program), file + " is missing: apt-get install busybox-static libc6");
        Listing listing = new Listing();
        listing.compare(List.of("objdump", "-d", "-w", "-z", "-M", "intel", file), 400_000);
        listing.report(file);
        assertTrue(listing.instructions > 50_000, "instructions seen: " + listing.instructions);
    }

    /** One listing and what differed in it. */
    private static final class Listing {
        int instructions;
        int notOffered;
        private final List<String> differences = new ArrayList<>();
        private final Map<String, Integer> count = new TreeMap<>();

        void compare(List<String> command, int limit) throws IOException, InterruptedException {
            Process process = new ProcessBuilder(command)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            try (BufferedReader reader = process.inputReader()) {
                String line;
                Insn insn = new Insn();
                while (instructions < limit && (line = reader.readLine()) != null) {
                    String[] fields = line.split("\t", -1);
                    if (fields.length >= 3 && fields[0].endsWith(":")) {
                        long address = Long.parseUnsignedLong(fields[0].strip().replace(":", ""), 16);
                        one(address, fields[1].strip(), fields[2], insn);
                    }
                }
            } finally {
                process.destroy();
                process.waitFor();
            }
        }

        private void one(long address, String hex, String text, Insn insn) {
            byte[] code = bytes(hex);
            instructions++;
            boolean complete = Decoder.decode(code, 0, code.length, 8, insn);
            String theirs = normal(text);
            String word = theirs.split(" ", 2)[0];
            if (complete && insn.op == Op.INVALID && NOT_OFFERED.matcher(word).matches()) {
                notOffered++;
                return;
            }
            if (code[0] == (byte) 0x9b && code.length > 1) {
                // objdump joins FWAIT with the x87 instruction behind it.
                complete = Decoder.decode(code, 1, code.length, 8, insn);
                insn.length++;
                theirs = "fn" + theirs.substring(1);
            }
            String ours = complete ? IntelText.of(insn, address) : "incomplete";
            if (!complete || insn.length != code.length || !agree(insn, ours, theirs)) {
                if (count.merge(insn.op + " " + word, 1, Integer::sum) <= 2) {
                    differences.add(Long.toHexString(address) + ": " + hex + "\n  objdump " + theirs + "\n  decoder "
                            + ours + " (length " + insn.length + ")");
                }
            } else if (insn.lock != text.contains("lock ") || (insn.rep || insn.repne) != isRepeat(insn, text)) {
                differences.add(
                        hex + ": " + text + ": lock " + insn.lock + " rep " + insn.rep + " repne " + insn.repne);
            }
        }

        void report(String what) {
            System.out.println(what + ": " + instructions + " instructions, " + notOffered + " of them not offered");
            assertEquals("", String.join("\n", differences), what);
        }
    }

    private static boolean isRepeat(Insn insn, String text) {
        return switch (insn.op) {
            case MOVS, CMPS, STOS, LODS, SCAS, INS, OUTS -> text.startsWith("rep");
            default -> false;
        };
    }

    static boolean agree(Insn insn, String ours, String theirs) {
        return switch (insn.op) {
            case NOP ->
                theirs.startsWith("nop")
                        || theirs.startsWith("xchg ax,ax")
                        || theirs.startsWith("rdssp")
                        || theirs.startsWith("bnd")
                        || theirs.startsWith("cldemote");
            case PREFETCH -> theirs.startsWith("prefetch");
            case MOVS, CMPS, STOS, LODS, SCAS, INS, OUTS, XLAT ->
                theirs.startsWith(insn.op.name().toLowerCase(Locale.ROOT)) && theirs.contains(width(insn) + " PTR");
            case UD -> theirs.startsWith("ud");
            // Where there are symbols, objdump writes targets without 0x.
            default ->
                ours.equals(theirs) || (insn.kind1 == OperandKind.REL && ours.equals(theirs.replace(" ", " 0x")));
        };
    }

    private static String width(Insn insn) {
        return switch (insn.operandBytes) {
            case 1 -> "BYTE";
            case 2 -> "WORD";
            case 4 -> "DWORD";
            default -> "QWORD";
        };
    }

    static String normal(String text) {
        String plain = PREFIXES.matcher(text.strip()).replaceFirst("");
        plain = SYMBOL.matcher(plain).replaceFirst("");
        plain = plain.replaceAll("\\s+", " ");
        plain = DEFAULT_SEGMENT.matcher(plain).replaceAll("[");
        plain = plain.replace("+0x0]", "]").replaceFirst(",1$", ",0x1");
        String[] words = plain.split(" ", 2);
        return words.length == 1
                ? SAME.getOrDefault(plain, plain)
                : SAME.getOrDefault(words[0], words[0]) + " " + words[1];
    }

    static byte[] bytes(String hex) {
        String[] each = hex.split(" ", -1);
        byte[] code = new byte[each.length];
        for (int i = 0; i < each.length; i++) {
            code[i] = (byte) Integer.parseInt(each[i], 16);
        }
        return code;
    }
}
