package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.ModeKey;
import io.jvmm.vcpu.x86.interp.CodeCache;
import io.jvmm.vcpu.x86.interp.Executor;
import io.jvmm.vcpu.x86.interp.IntegerFactory;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;
import io.jvmm.vcpu.x86.simd.SimdFactory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import java.util.List;

/**
 * A scratch machine that lives through a translator's whole work before the jail closes: behind the narrow filter no class
 * can be loaded any more. Its program holds an instruction of every shape that the translator emits or calls; it is
 * translated with both homes of registers, and run.
 */
final class WarmUp {
    private static final int PAGE = PhysicalMemory.PAGE_BYTES;
    private static final int DATA = 2 * PAGE;
    private static final int STACK = 4 * PAGE;
    private static final int BYTES = 8 * PAGE;
    private static final int HOT = 3;
    private static final int INSTRUCTIONS = 20_000;

    /** A loop over arithmetic, moves, shifts, multiplication, bits, the stack, steps, calls, jumps of every kind. */
    private static final String PROGRAM =
            "b906000000488b03480343084811c283da0583e84d48894310c743184523010066c7431c070088431e014b2080432403"
                    + "66ff432648f7def7d74531c04983e17f08e14839d00f92c0480f4fd60f90432885c00f9ec4440fb65b014c0fbf63024c"
                    + "63ee4c8d74b30948c1e003d3ea66d17b2a48c1c00566d3ca480faff76bfe0949f7e6f7e7480fbae005480fa3ca480fbc"
                    + "f00fbdf8f34c0fb8c0490fc8410fc94d87c886e04898489941506a054159415831d2bf0300000048f7f7480fa4d003f0"
                    + "48010365488b03488b0532ffffffe82c000000488d7b404889dea40f8024ffffff77019080f9037509488d0502000000"
                    + "ffe0ffc90f850bffffffe901ffffff554889e54883ec10c9c3";

    /** A loop over SSE: moves, integers, floating point, comparisons and conversions. */
    private static final String VECTORS =
            "b905000000f30f6f030f2943200f1143310f28c8f30f7e13660fd65350f20f105b08f20f115b58f30f1023f30f116360"
                    + "f30f10e30f16230f1763680f1223660f6ee9660f7eea66480f7ee0f20f12e5660feff6660fdb0b660fdfc8660f747320"
                    + "660fd7c6660ffec8660ffbc8660f70c81b0fc6c81bf20f70c81b660f3800c8660f3a0fc803660f60c8660f6dc8660f6c"
                    + "c8660f73d903660f72f103660f72e103f20f2af9f24c0f2ac1f3440f2ac9f2410f58f8f2410f59f8f20f5e7b08f2410f"
                    + "51f8f3450f58c9f3440f5e0b66410f59f8f3450f5ad1f2450f5ad0f2410f2cc0f3490f2cc166410f2ef87704450f2fca"
                    + "66410f7cf8ffc90f8508ffffffe9fefeffff";

    /** CR4.OSFXSR and OSXMMEXCPT. */
    private static final int SSE = 0x600;

    private WarmUp() {}

    /** Throws when what was translated does not run. */
    static void run() {
        for (final boolean locals : new boolean[] {true, false}) {
            run(locals, PROGRAM);
            run(locals, VECTORS);
        }
    }

    private static void run(boolean locals, String program) {
        try (Arena arena = Arena.ofConfined();
                Translator translator = new Translator(
                        new TranslatorOptions(locals, TranslatorOptions.DEFAULT.maxInstructions(), 0, PAGE))) {
            run(arena, translator, HexFormat.of().parseHex(program));
        }
    }

    private static void run(Arena arena, Translator translator, byte[] program) {
        final MemorySegment ram = arena.allocate(BYTES, PAGE);
        MemorySegment.copy(MemorySegment.ofArray(program), 0, ram, PAGE, program.length);
        final PhysicalMemory memory = new PhysicalMemory();
        memory.map(0, 0, BYTES, ram, false);
        final CodeCache cache = new CodeCache(
                memory, List.of(new IntegerFactory(), new SimdFactory()), translator::translateNow, HOT, 1 << 20);
        translator.attach(cache);
        final Cpu cpu = ScratchCpu.create(memory, cache);
        // Paging is off, which no processor allows in 64-bit mode; the MMU does.
        cpu.codeBytes = 8;
        cpu.modeKey = ModeKey.CODE_64;
        cpu.cr4 = SSE;
        cpu.rip = PAGE;
        cpu.r[Cpu.RBX] = DATA;
        cpu.r[Cpu.RSP] = STACK;
        final Executor executor = new Executor(cpu, cache);
        // A store to the page of the program goes the slow way, and one to the program itself drops its regions.
        for (int round = 0; round < 2; round++) {
            executor.run(INSTRUCTIONS);
            cpu.mmu.write8(PAGE, program[0]);
        }
        if (translator.regions() == 0 || translator.failed() != 0 || cpu.shutdown) {
            throw new IllegalStateException("the translator's warm-up has failed");
        }
    }
}
