package io.jvmm.vcpu.x86.oracle;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.jvmm.ipc.TestSeed;
import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Decoder;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.fpu.X87;
import io.jvmm.vcpu.x86.interp.IntegerFactory;
import io.jvmm.vcpu.x86.oracle.sys.NativeCpu;
import io.jvmm.vcpu.x86.oracle.sys.NativeState;
import io.jvmm.vcpu.x86.simd.SimdFactory;
import io.jvmm.vcpu.x86.translate.TranslatedCpu;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/**
 * Every MMX and SSE instruction that the decoder knows, with random encodings and operands, on the host's processor, on the steps of
 * package simd, and translated: vector and general registers, flags, MXCSR, x87 tags, memory, and exceptions have to agree bit by bit (but the
 * approximations RCPxx and RSQRTxx, whose bits are each processor's own: relative error; and which NaN DPPS answers).
 *
 * <p>{@code -Djvmm.oracle.cases=N} chooses how many cases a form (default 1,000), {@code -Djvmm.seed=S} the seed.
 */
class SimdDifferentialTest {
    private static final int CASES = Integer.getInteger("jvmm.oracle.cases", 1000);
    private static final long SEED = TestSeed.next();
    private static final int MOST_FAILURES = Integer.getInteger("jvmm.oracle.failures", 20);
    private static final int EACH = 3;
    /** To make a region takes longer than a hundred cases: fewer encodings, with more operands. */
    private static final int EACH_TRANSLATED = 80;
    /** Differences of one instruction that are printed. */
    private static final int EACH_OP = 2;

    private static final int[] PREFIXES = {0, 0x66, 0xf3, 0xf2};
    private static final int MXCSR_DEFAULT = 0x1f80;
    private static final int CR4_OSFXSR_AND_OSXMMEXCPT = 0x600;
    private static final int WINDOW = 256;
    private static final double APPROXIMATION = 1.5 / 4096;

    private static final Set<Op> APPROXIMATE = EnumSet.of(Op.RCPPS, Op.RCPSS, Op.RSQRTPS, Op.RSQRTSS);

    private final NativeCpu host = new NativeCpu();
    private final InterpretedCpu guest = new InterpretedCpu(host, new SimdFactory());
    private final NativeState before = new NativeState();
    private final NativeState expected = new NativeState();
    private final NativeState actual = new NativeState();
    private final byte[] image = new byte[WINDOW];
    private final StringBuilder failures = new StringBuilder();
    private final Map<Op, Integer> failed = new EnumMap<>(Op.class);
    private int failureCount;
    private long cases;
    private long faults;

    /** Prefix, map (0: 0F, 1: 0F 38, 2: 0F 3A), opcode, and ModRM.reg or -1. */
    private record Form(int prefix, int map, int opcode, int reg, Op op) {}

    @Test
    void allForms() {
        all("interpreted", EACH, (code, insn) -> {
            final Step[] steps = guest.build(code, insn.length);
            return state -> guest.run(steps, insn.length, host.slotAddress(), state);
        });
    }

    /** The same through the translator, be it emitted code or a step called from there. */
    @Test
    void allFormsTranslated() {
        final TranslatedCpu translated = new TranslatedCpu(guest.cpu, List.of(new SimdFactory(), new IntegerFactory()));
        all("translated", EACH_TRANSLATED, (code, insn) -> {
            translated.load(code, insn.length);
            return translated::run;
        });
    }

    private void all(String how, int each, BiFunction<byte[], Insn, Consumer<NativeState>> prepare) {
        final List<Form> forms = forms();
        final Random random = new Random(SEED);
        final EnumSet<Op> seen = EnumSet.noneOf(Op.class);
        for (final Form form : forms) {
            seen.add(form.op);
            for (int i = 0; i < CASES; i += each) {
                one(form, random, each, prepare);
            }
        }
        System.out.println("seed " + SEED + ", " + how + ": " + forms.size() + " forms of " + seen.size()
                + " instructions, " + cases + " cases, " + faults + " of them exceptions");
        if (failureCount > 0) {
            fail("seed " + SEED + ": " + failureCount + " differences " + failed + "\n" + failures);
        }
        assertTrue(forms.size() > 250, "forms: " + forms.size());
    }

    private static List<Form> forms() {
        final List<Form> forms = new ArrayList<>();
        final Insn insn = new Insn();
        for (int map = 0; map < 3; map++) {
            for (int opcode = 0; opcode < 256; opcode++) {
                for (final int prefix : PREFIXES) {
                    Op last = Op.INVALID;
                    for (int reg = 0; reg < 8; reg++) {
                        final byte[] code = new byte[16];
                        int n = 0;
                        if (prefix != 0) {
                            code[n++] = (byte) prefix;
                        }
                        n = opcode(code, n, map, opcode);
                        code[n] = (byte) (0xc0 | reg << 3);
                        Decoder.decode(code, 0, 16, 8, insn);
                        if (insn.op == Op.INVALID) {
                            code[n] = (byte) (reg << 3);
                            Decoder.decode(code, 0, 16, 8, insn);
                        }
                        if (insn.op.compareTo(Op.MOVD) >= 0 && insn.op != last) {
                            last = insn.op;
                            final boolean isGroup = map == 0 && opcode >= 0x71 && opcode <= 0x73;
                            forms.add(new Form(prefix, map, opcode, isGroup ? reg : -1, insn.op));
                        }
                    }
                }
            }
        }
        return forms;
    }

    private static int opcode(byte[] code, int at, int map, int opcode) {
        int n = at;
        code[n++] = 0x0f;
        if (map > 0) {
            code[n++] = (byte) (map == 1 ? 0x38 : 0x3a);
        }
        code[n++] = (byte) opcode;
        return n;
    }

    private void one(Form form, Random random, int each, BiFunction<byte[], Insn, Consumer<NativeState>> prepare) {
        final byte[] code = new byte[16];
        final int length = encode(form, random, code);
        final Insn insn = new Insn();
        if (!Decoder.decode(code, 0, length, 8, insn) || insn.op == Op.INVALID) {
            return;
        }
        final Consumer<NativeState> run = prepare.apply(code, insn);
        for (int i = 0; i < each; i++) {
            operands(insn, random);
            expected.copyFrom(before);
            MemorySegment.copy(MemorySegment.ofArray(image), 0, host.scratch(), 0, WINDOW);
            host.runWithFx(code, insn.length, expected);
            actual.copyFrom(before);
            MemorySegment.copy(MemorySegment.ofArray(image), 0, guest.scratch(), 0, WINDOW);
            toGuest(actual);
            run.accept(actual);
            fromGuest(actual);
            cases++;
            faults += expected.vector >= 0 ? 1 : 0;
            compare(insn, code);
        }
    }

    private static int encode(Form form, Random random, byte[] code) {
        int n = 0;
        if (form.prefix != 0) {
            code[n++] = (byte) form.prefix;
        }
        if (random.nextInt(3) == 0) {
            code[n++] = (byte) (0x40 | random.nextInt(16));
        }
        n = opcode(code, n, form.map, form.opcode);
        final int reg = form.reg >= 0 ? form.reg : random.nextInt(8);
        if (random.nextInt(3) > 0) {
            code[n++] = (byte) (0xc0 | reg << 3 | random.nextInt(8));
        } else {
            // [rbx + disp8] or [r11 + disp8]
            code[n++] = (byte) (0x43 | reg << 3);
            code[n++] = (byte) (random.nextInt(6) == 0 ? random.nextInt(64) : 16 * random.nextInt(4));
        }
        code[n] = (byte) random.nextInt(256);
        return n + 1;
    }

    private void operands(Insn insn, Random random) {
        for (int i = 0; i < 16; i++) {
            before.r[i] = random.nextInt(4) == 0 ? random.nextInt(40) - 20 : SimdValues.number(random, insn.op);
            for (int half = 0; half < 2; half++) {
                before.setXmm(i, half, SimdValues.number(random, insn.op));
            }
        }
        for (int i = 0; i < 8; i++) {
            before.setSt(i, random.nextInt(0x10000), SimdValues.number(random, insn.op));
        }
        final long memory = host.scratch().address() + 64;
        before.r[3] = memory;
        before.r[11] = memory;
        before.r[7] = memory + random.nextInt(32);
        before.r[4] = host.scratch().address() + 0x2000;
        before.setStatusWord(random.nextInt(8) << 11);
        before.setValidRegisters(random.nextInt(256));
        before.setMxcsr(SimdValues.mxcsr(random, MXCSR_DEFAULT));
        before.flags = 2 | (random.nextInt() & Flags.STATUS);
        for (int at = 0; at < WINDOW; at += 8) {
            final long value = SimdValues.number(random, insn.op);
            for (int b = 0; b < 8; b++) {
                image[at + b] = (byte) (value >>> (8 * b));
            }
        }
    }

    private void toGuest(NativeState state) {
        final Cpu cpu = guest.cpu;
        cpu.cr4 = CR4_OSFXSR_AND_OSXMMEXCPT | 0x20;
        cpu.mxcsr = state.mxcsr();
        for (int i = 0; i < 32; i++) {
            cpu.xmm[i] = state.xmm(i >> 1, i & 1);
        }
        final X87 x87 = cpu.x87;
        x87.controlWord = 0x37f;
        x87.top = state.statusWord() >> 11 & 7;
        x87.statusWord = state.statusWord() & ~0x3800;
        int tags = 0;
        for (int i = 0; i < 8; i++) {
            final int register = x87.top + i & 7;
            x87.significand[register] = state.significand(i);
            x87.signExponent[register] = state.signExponent(i);
        }
        for (int i = 0; i < 8; i++) {
            tags |= ((state.validRegisters() >> i & 1) == 0 ? X87.TAG_EMPTY : x87.tagOf(i)) << (2 * i);
        }
        x87.tagWord = tags;
    }

    private void fromGuest(NativeState state) {
        final Cpu cpu = guest.cpu;
        state.setMxcsr(cpu.mxcsr);
        for (int i = 0; i < 32; i++) {
            state.setXmm(i >> 1, i & 1, cpu.xmm[i]);
        }
        final X87 x87 = cpu.x87;
        state.setStatusWord(x87.statusWord | x87.top << 11);
        int valid = 0;
        for (int i = 0; i < 8; i++) {
            final int register = x87.top + i & 7;
            state.setSt(i, x87.signExponent[register], x87.significand[register]);
            valid |= (x87.tagWord >> (2 * i) & 3) != X87.TAG_EMPTY ? 1 << i : 0;
        }
        state.setValidRegisters(valid);
    }

    private void compare(Insn insn, byte[] code) {
        final StringBuilder text = new StringBuilder();
        if (expected.vector != actual.vector) {
            text.append(" vector ").append(expected.vector).append(" / ").append(actual.vector);
        }
        if (expected.mxcsr() != actual.mxcsr()) {
            text.append(" mxcsr %x / %x".formatted(expected.mxcsr(), actual.mxcsr()));
        }
        if (((expected.flags ^ actual.flags) & Flags.STATUS) != 0) {
            text.append(" flags %x / %x".formatted(expected.flags, actual.flags));
        }
        if (expected.statusWord() != actual.statusWord() || expected.validRegisters() != actual.validRegisters()) {
            text.append(" x87 %x %x / %x %x"
                    .formatted(
                            expected.statusWord(),
                            expected.validRegisters(),
                            actual.statusWord(),
                            actual.validRegisters()));
        }
        for (int i = 0; i < 16; i++) {
            if (expected.r[i] != actual.r[i]) {
                text.append(" r%d %x / %x".formatted(i, expected.r[i], actual.r[i]));
            }
            if (!sameXmm(insn, i)) {
                text.append(" xmm%d %016x_%016x / %016x_%016x"
                        .formatted(i, expected.xmm(i, 1), expected.xmm(i, 0), actual.xmm(i, 1), actual.xmm(i, 0)));
            }
        }
        for (int i = 0; i < 8; i++) {
            if (expected.significand(i) != actual.significand(i)
                    || expected.signExponent(i) != actual.signExponent(i)) {
                text.append(" st%d %x:%016x / %x:%016x"
                        .formatted(
                                i,
                                expected.signExponent(i),
                                expected.significand(i),
                                actual.signExponent(i),
                                actual.significand(i)));
            }
        }
        final long at =
                host.scratch().asSlice(0, WINDOW).mismatch(guest.scratch().asSlice(0, WINDOW));
        if (at >= 0) {
            text.append(" memory at ").append(at);
        }
        if (!text.isEmpty()) {
            failureCount++;
            if (failed.merge(insn.op, 1, Integer::sum) > EACH_OP || failed.size() > MOST_FAILURES) {
                return;
            }
            failures.append(insn.op)
                    .append(' ')
                    .append(HexFormat.of().formatHex(code, 0, insn.length))
                    .append(inputs(insn))
                    .append("\n    host / guest:")
                    .append(text)
                    .append('\n');
        }
    }

    private String inputs(Insn insn) {
        final StringBuilder text = new StringBuilder(" mxcsr %x".formatted(before.mxcsr()));
        if (insn.kind1 == OperandKind.XMM) {
            text.append(" op1 %016x_%016x".formatted(before.xmm(insn.reg1, 1), before.xmm(insn.reg1, 0)));
        }
        if (insn.kind2 == OperandKind.XMM) {
            text.append(" op2 %016x_%016x".formatted(before.xmm(insn.reg2, 1), before.xmm(insn.reg2, 0)));
        }
        if (insn.hasMemory()) {
            text.append(" mem ").append(HexFormat.of().formatHex(image, (int) (64 + insn.displacement), (int)
                    (80 + insn.displacement)));
        }
        if (insn.kind2 == OperandKind.GPR) {
            text.append(" r %x".formatted(before.r[insn.reg2]));
        }
        return text.append(" imm %x".formatted(insn.imm)).toString();
    }

    private boolean sameXmm(Insn insn, int i) {
        if (expected.xmm(i, 0) == actual.xmm(i, 0) && expected.xmm(i, 1) == actual.xmm(i, 1)) {
            return true;
        }
        if (insn.op == Op.DPPS && i == insn.reg1) {
            return EachProcessorsOwn.sameButWhichNan(expected.xmm(i, 0), actual.xmm(i, 0))
                    && EachProcessorsOwn.sameButWhichNan(expected.xmm(i, 1), actual.xmm(i, 1));
        }
        return APPROXIMATE.contains(insn.op)
                && i == insn.reg1
                && isClose(expected.xmm(i, 0), actual.xmm(i, 0))
                && isClose(expected.xmm(i, 1), actual.xmm(i, 1));
    }

    private static boolean isClose(long a, long b) {
        return isClose((int) a, (int) b) && isClose((int) (a >>> 32), (int) (b >>> 32));
    }

    private static boolean isClose(int a, int b) {
        if (a == b) {
            return true;
        }
        final double x = Float.intBitsToFloat(a);
        final double y = Float.intBitsToFloat(b);
        // At the edge of what underflows to zero, both are right.
        final boolean tiny = Math.abs(x) < 2 * Float.MIN_NORMAL && Math.abs(y) < 2 * Float.MIN_NORMAL;
        return tiny || Math.abs(x - y) <= 2 * APPROXIMATION * Math.abs(x);
    }
}
