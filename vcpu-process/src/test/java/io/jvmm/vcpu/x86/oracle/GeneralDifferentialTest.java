package io.jvmm.vcpu.x86.oracle;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import io.jvmm.ipc.TestSeed;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Decoder;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.interp.IntegerFactory;
import io.jvmm.vcpu.x86.mmu.Vector;
import io.jvmm.vcpu.x86.oracle.GeneralForms.Form;
import io.jvmm.vcpu.x86.oracle.sys.NativeCpu;
import io.jvmm.vcpu.x86.oracle.sys.NativeState;
import io.jvmm.vcpu.x86.translate.TranslatedCpu;
import java.lang.foreign.MemorySegment;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Every general-purpose instruction that user mode may execute, with random encodings and operands, on the host's processor and on the
 * interpreter's steps: registers, defined flags, memory, branch taken or not, and exceptions with the registers of then have to agree.
 *
 * <p>{@code -Djvmm.oracle.cases=N} chooses how many cases a form and mode (default 1,500), {@code -Djvmm.seed=S} the seed.
 */
class GeneralDifferentialTest {
    private static final int CASES = Integer.getInteger("jvmm.oracle.cases", 1500);
    private static final long SEED = TestSeed.next();
    private static final int OPERANDS = 6;
    private static final int FEWER_TRANSLATED = 5;
    private static final int MOST_FAILURES = Integer.getInteger("jvmm.oracle.failures", 20);

    private final NativeCpu host = new NativeCpu();
    private final InterpretedCpu guest = new InterpretedCpu(host, new IntegerFactory());
    /** Runs what is compared, instead of the steps of the guest. */
    private @Nullable TranslatedCpu translated;

    private final NativeState before = new NativeState();
    private final NativeState expected = new NativeState();
    private final NativeState actual = new NativeState();
    private final StringBuilder failures = new StringBuilder();
    /** Cases by form. */
    private final StringBuilder counts = new StringBuilder();

    private int countsInLine;
    private int failureCount;
    private long cases;
    private long faults;

    @Test
    void allFormsIn64BitMode() {
        all(true);
    }

    /** The instruction as a region of translated code; fewer of them, since each is a class. */
    @Test
    void allFormsTranslated() {
        translated = new TranslatedCpu(guest.cpu, List.of(new IntegerFactory()), host.slotAddress());
        all(true);
    }

    @Test
    void allFormsIn32BitMode() {
        all(false);
    }

    /** What {@code BranchStepsFused} makes one step of, and near misses. */
    @Test
    void pairsWithAConditionalJump() {
        System.out.println("seed " + SEED + ", pairs");
        final Random random = new Random(SEED);
        fill(random);
        final Set<Op> firsts = EnumSet.of(Op.CMP, Op.TEST, Op.SUB, Op.AND, Op.DEC, Op.ADD, Op.INC);
        final GeneralCase generated = new GeneralCase(host, random, true);
        for (final Form form : GeneralForms.all()) {
            if (form.map() != 0 || !form.in64()) {
                continue;
            }
            generated.encode(form);
            if (!firsts.contains(decode(generated, true).op)) {
                continue;
            }
            final long casesBefore = cases;
            for (int i = 0; i < CASES; i++) {
                generated.encode(form);
                final Insn insn = decode(generated, true);
                generated.appendJump(random.nextInt(16));
                operandSets(form, generated, insn, true);
            }
            count(form, casesBefore);
        }
        finish("pairs");
    }

    private void finish(String what) {
        System.out.println(counts);
        System.out.println(
                what + ": " + cases + " cases, " + faults + " of them exceptions; " + failureCount + " differ");
        assertTrue(failureCount == 0, failures::toString);
    }

    private void all(boolean is64) {
        System.out.println("seed " + SEED + ", " + (is64 ? "64" : "32") + "-bit mode");
        final Random random = new Random(SEED);
        fill(random);
        if (!is64) {
            guest.set32();
        }
        final List<Form> forms = GeneralForms.all();
        int used = 0;
        for (final Form form : forms) {
            if (is64 ? form.in64() : form.in32()) {
                used++;
                form(form, new GeneralCase(host, random, is64), is64);
            }
        }
        finish(used + " forms");
    }

    private void fill(Random random) {
        final byte[] bytes = new byte[NativeCpu.SCRATCH_BYTES];
        random.nextBytes(bytes);
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, host.scratch(), 0, bytes.length);
        MemorySegment.copy(MemorySegment.ofArray(bytes), 0, guest.scratch(), 0, bytes.length);
    }

    private void form(Form form, GeneralCase generated, boolean is64) {
        final long casesBefore = cases;
        int differing = 0;
        for (int i = 0; i < (translated == null ? CASES : CASES / FEWER_TRANSLATED) / OPERANDS && differing < 2; i++) {
            generated.encode(form);
            differing += operandSets(form, generated, decode(generated, is64), is64) ? 0 : 1;
        }
        count(form, casesBefore);
    }

    private void count(Form form, long casesBefore) {
        counts.append(String.format("%-18s", form + ": " + (cases - casesBefore)));
        counts.append(++countsInLine % 6 == 0 ? "\n" : " ");
    }

    /** The instruction, or pair, with several operands. */
    private boolean operandSets(Form form, GeneralCase generated, Insn insn, boolean is64) {
        final Step[] steps = guest.build(generated.code, generated.length);
        if (translated != null) {
            translated.load(generated.code, generated.length);
        }
        for (int j = 0; j < OPERANDS; j++) {
            generated.operands(before, host.scratch(), guest.scratch());
            if (UndefinedFlags.undefinesResult(insn, before.r[1])) {
                continue;
            }
            cases++;
            if (!agree(generated, insn, steps, is64)) {
                failureCount++;
                if (failureCount <= MOST_FAILURES) {
                    report(form, generated, insn, is64);
                }
                MemorySegment.copy(host.scratch(), 0, guest.scratch(), 0, NativeCpu.SCRATCH_BYTES);
                return false;
            }
        }
        return true;
    }

    private static Insn decode(GeneralCase generated, boolean is64) {
        final Insn insn = new Insn();
        if (!Decoder.decode(generated.code, 0, generated.length, is64 ? 8 : 4, insn)
                || (insn.op != Op.INVALID && insn.length != generated.length)) {
            fail("length of " + hex(generated) + ": " + insn.length);
        }
        return insn;
    }

    private static String hex(GeneralCase generated) {
        return HexFormat.of().formatHex(generated.code, 0, generated.length);
    }

    private boolean agree(GeneralCase generated, Insn insn, Step[] steps, boolean is64) {
        expected.copyFrom(before);
        actual.copyFrom(before);
        if (is64) {
            host.run(generated.code, generated.length, expected);
        } else {
            host.run32(generated.code, generated.length, expected);
        }
        if (translated != null) {
            translated.run(actual);
        } else {
            guest.run(steps, generated.length, host.slotAddress(), actual);
        }
        final long rip = guest.cpu.rip;
        final long fallThrough = host.slotAddress() + generated.length;
        actual.taken = actual.vector < 0 && rip != fallThrough;
        if (expected.vector >= 0 && EachProcessorsOwn.storesBeforeItFaults(insn)) {
            MemorySegment.copy(host.scratch(), 0, guest.scratch(), 0, NativeCpu.SCRATCH_BYTES);
            return actual.vector == expected.vector || sameException();
        }
        if (EachProcessorsOwn.eitherException(insn, expected.vector, actual.vector)) {
            return true;
        }
        if (!sameException()) {
            return false;
        }
        final long mask = is64 ? -1L : 0xffff_ffffL;
        for (int i = 0; i < (is64 ? 16 : 8); i++) {
            final long compared = EachProcessorsOwn.comparedBits(insn, i, before.r[1]);
            if (((expected.r[i] ^ actual.r[i]) & mask & compared) != 0) {
                return false;
            }
        }
        if (host.scratch().mismatch(guest.scratch()) >= 0) {
            return false;
        }
        if (expected.vector >= 0) {
            faults++;
            return true;
        }
        final long undefined = UndefinedFlags.of(insn, before.r[1]) | Flags.RF;
        return ((expected.flags ^ actual.flags) & ~undefined) == 0
                && expected.taken == actual.taken
                && (!actual.taken
                        || rip == (is64 ? host.takenAddress() : host.takenAddress32())
                        || rip == host.nearTakenAddress());
    }

    /** What the executor makes of an address that is not canonical, #GP or #SS, is not the step's to say. */
    private boolean sameException() {
        if (actual.vector == Vector.GP && guest.cpu.exception.isNonCanonical()) {
            return expected.vector == Vector.GP || expected.vector == Vector.SS;
        }
        if (expected.vector == Vector.PF && actual.vector == Vector.PF) {
            return expected.faultAddress == actual.faultAddress && expected.errorCode == actual.errorCode;
        }
        return expected.vector == actual.vector;
    }

    private void report(Form form, GeneralCase generated, Insn insn, boolean is64) {
        failures.append('\n')
                .append(form)
                .append(": ")
                .append(hex(generated))
                .append(' ')
                .append(insn.op);
        failures.append(" width ").append(insn.operandBytes).append(is64 ? "" : " (32-bit mode)");
        if (expected.vector != actual.vector) {
            failures.append(" vector ")
                    .append(expected.vector)
                    .append(", here ")
                    .append(actual.vector);
        }
        if (expected.vector == Vector.PF) {
            failures.append(String.format(" #PF %x at %x", expected.errorCode, expected.faultAddress));
            failures.append(String.format(", here %x at %x", actual.errorCode, actual.faultAddress));
        }
        for (int i = 0; i < 16; i++) {
            final boolean differs = expected.r[i] != actual.r[i];
            if (differs || before.r[i] != expected.r[i] || (insn.kind1 == OperandKind.GPR && insn.reg1 == i) || i < 3) {
                failures.append(String.format(
                        "%n   r%d %x -> %x%s",
                        i, before.r[i], expected.r[i], differs ? String.format(", here %x", actual.r[i]) : ""));
            }
        }
        failures.append(String.format("%n   flags %x -> %x, here %x", before.flags, expected.flags, actual.flags));
        failures.append(" taken ").append(expected.taken).append(", here ").append(actual.taken);
        failures.append(" memory differs at ").append(host.scratch().mismatch(guest.scratch()));
        failures.append(" operand at ").append(generated.memoryAt);
    }
}
