package io.jvmm.vcpu.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.TestSeed;
import io.jvmm.vcpu.x86.cpu.ControlRegisters;
import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.ResetState;
import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.interp.CodeCache;
import io.jvmm.vcpu.x86.interp.Executor;
import io.jvmm.vcpu.x86.interp.SystemRig;
import io.jvmm.vcpu.x86.interp.TranslationQueue;
import io.jvmm.vcpu.x86.mmu.DeviceExit;
import io.jvmm.vcpu.x86.mmu.DeviceSpace;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Mmu;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;
import io.jvmm.vcpu.x86.translate.ImmediateTranslation;
import io.jvmm.vcpu.x86.translate.TranslatorOptions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Random bytes as code, in every mode, interpreted and translated: whatever they do to the guest, nothing but the defined exceptions comes
 * out of the executor, and it always comes back. {@code -Djvmm.seed=N} repeats a run, {@code -Djvmm.programs=N} makes a longer one.
 */
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class RandomBytesTest implements DeviceSpace {
    private static final int RAM_BYTES = 2 << 20;
    private static final int CODE = 0x1_0000;
    private static final int CODE_BYTES = 512;
    private static final int GDT = 0x500;
    private static final int IDT = 0x3000;
    private static final int TABLES = 0x8000;
    private static final int STACK = 0x2_0000;
    private static final int HANDLERS = 0x4000;
    private static final int PROGRAMS = Integer.getInteger("jvmm.programs", 100);
    /** How often a program begins anew, so that its blocks become hot. */
    private static final int STARTS = 8;

    private static final int HOT = 3;
    private static final int MOST_SLICES = 10;
    private static final int MOST_EXITS = 20;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

    private final MemorySegment ram = Arena.ofAuto().allocate(RAM_BYTES, 4096);
    private final PhysicalMemory memory = new PhysicalMemory();
    private final DeviceExit exit = new DeviceExit();
    private final SystemRig.TestInterrupts interrupts = new SystemRig.TestInterrupts();
    private SplittableRandom source = new SplittableRandom();
    private long now;

    enum Mode {
        REAL_16,
        PROTECTED_32,
        LONG_KERNEL,
        LONG_USER
    }

    @ParameterizedTest
    @EnumSource
    void interpreted(Mode mode) {
        run(mode, TranslationQueue.NONE);
    }

    @ParameterizedTest
    @EnumSource(
            value = Mode.class,
            names = {"LONG_KERNEL", "LONG_USER"})
    void translated(Mode mode) {
        run(mode, new ImmediateTranslation(TranslatorOptions.DEFAULT));
    }

    private void run(Mode mode, TranslationQueue queue) {
        final long seed = TestSeed.next();
        System.out.println("RandomBytesTest " + mode + " seed " + seed);
        source = new SplittableRandom(seed);
        memory.map(0, 0, RAM_BYTES, ram, false);
        final CodeCache cache = new CodeCache(memory, X86Engine.factories(), queue, HOT, 16 << 20);
        if (queue instanceof ImmediateTranslation translation) {
            translation.attach(cache);
        }
        final GuestException exception = new GuestException();
        final Cpu cpu = new Cpu(0, new Mmu(memory, this, exception, cache), this, interrupts, () -> now, exception);
        final Executor executor = new Executor(cpu, cache);
        final Map<Executor.Stop, Integer> stops = new EnumMap<>(Executor.Stop.class);
        for (int program = 0; program < PROGRAMS; program++) {
            final byte[] code = program();
            try {
                for (int start = 0; start < STARTS; start++) {
                    prepare(cpu, mode, code, start == 0);
                    oneLife(cpu, executor, stops);
                }
            } catch (RuntimeException | StackOverflowError | AssertionError e) {
                throw new AssertionError(
                        mode + " seed " + seed + " program " + program + " at " + Long.toHexString(cpu.rip) + ": "
                                + HexFormat.of().formatHex(code),
                        e);
            }
        }
        System.out.printf("%s %s: %d instructions, %s%n", mode, queue, cpu.retired, stops);
        if (queue instanceof ImmediateTranslation translation) {
            assertEquals(0, translation.failures(), "blocks that could not be translated, seed " + seed);
        }
    }

    private void oneLife(Cpu cpu, Executor executor, Map<Executor.Stop, Integer> stops) {
        for (int slice = 0; slice < MOST_SLICES; slice++) {
            now += 1_000;
            if (source.nextInt(8) == 0) {
                interrupts.pending = 32 + source.nextInt(224);
            }
            interrupts.nmi |= source.nextInt(64) == 0;
            Executor.Stop stop = executor.run(500);
            // A repeated string instruction may have any number of them.
            for (int exits = 0; stop == Executor.Stop.DEVICE && exits < MOST_EXITS; exits++) {
                stops.merge(stop, 1, Integer::sum);
                stop = executor.runInstruction();
            }
            stops.merge(stop, 1, Integer::sum);
            cpu.clearAttention();
            if (stop == Executor.Stop.SHUTDOWN || stop == Executor.Stop.HALTED) {
                return;
            }
        }
    }

    /** Bytes of which some thousandth would be common in real code: prefixes, two-byte opcodes, jumps back. */
    private byte[] program() {
        final byte[] code = new byte[CODE_BYTES];
        for (int i = 0; i < code.length; i++) {
            final int kind = source.nextInt(16);
            code[i] = (byte)
                    switch (kind) {
                        case 0, 1 -> 0x0f;
                        case 2 -> 0x40 + source.nextInt(16);
                        case 3 -> new int[] {0x66, 0xf2, 0xf3, 0xf0, 0x67}[source.nextInt(5)];
                        default -> source.nextInt(256);
                    };
        }
        for (int at = 40 + source.nextInt(40); at < code.length - 2; at += 40 + source.nextInt(80)) {
            code[at] = (byte) (source.nextBoolean() ? 0x75 : 0xeb);
            code[at + 1] = (byte) -source.nextInt(2, 40);
        }
        return code;
    }

    private void prepare(Cpu cpu, Mode mode, byte[] code, boolean fresh) {
        if (fresh) {
            ram.asSlice(0, CODE).fill((byte) 0);
        }
        tables(mode);
        // Past the TLBs, as a device would write it: compared when the page is taken in anew.
        MemorySegment.copy(code, 0, ram, ValueLayout.JAVA_BYTE, CODE, code.length);
        ResetState.reset(cpu);
        ResetState.firmware(cpu);
        cpu.shutdown = false;
        cpu.undelivered = -1;
        interrupts.pending = -1;
        interrupts.nmi = false;
        switch (mode) {
            case REAL_16 -> ResetState.real16(cpu, CODE >> 4, CODE, 0);
            case PROTECTED_32 -> ResetState.protected32(cpu, CODE, GDT, 0x3f);
            case LONG_KERNEL, LONG_USER -> ResetState.long64(cpu, CODE, TABLES, GDT, 0x3f);
        }
        cpu.mmu.flushAll();
        if (mode != Mode.REAL_16) {
            cpu.idtBase = IDT;
            cpu.idtLimit = 0xfff;
        }
        cpu.cr4 |= ControlRegisters.CR4_OSFXSR | ControlRegisters.CR4_OSXMMEXCPT | ControlRegisters.CR4_DE;
        if (mode == Mode.LONG_USER) {
            cpu.segments[Segment.CS].set(0x23, 0, 0xffff_ffffL, 0xa0fb);
            cpu.segments[Segment.SS].set(0x2b, 0, 0xffff_ffffL, 0xc0f3);
            cpu.segments[Segment.TR].set(0x30, 0x2000, 0x67, 0x8b);
            cpu.cpl = 3;
            cpu.cr0 |= ControlRegisters.CR0_AM;
            ControlRegisters.updateMode(cpu);
        }
        for (int r = 0; r < 16; r++) {
            cpu.r[r] = switch (source.nextInt(4)) {
                case 0 -> source.nextLong();
                case 1 -> source.nextInt(256);
                default -> source.nextInt(RAM_BYTES);
            };
        }
        cpu.r[Cpu.RSP] = STACK;
        cpu.setFlags(source.nextInt(), Flags.STATUS | Flags.IF | Flags.DF | Flags.AC | (fresh ? Flags.TF : 0));
    }

    /** A GDT, gates to handlers that return, pages one to one with a hole at the top. */
    private void tables(Mode mode) {
        ram.set(LONG, GDT + 0x10, mode == Mode.PROTECTED_32 ? 0x00cf_9b00_0000_ffffL : 0x00af_9b00_0000_ffffL);
        ram.set(LONG, GDT + 0x18, 0x00cf_9300_0000_ffffL);
        ram.set(LONG, GDT + 0x20, 0x00af_fb00_0000_ffffL);
        ram.set(LONG, GDT + 0x28, 0x00cf_f300_0000_ffffL);
        ram.set(LONG, GDT + 0x30, 0x0000_8900_2000_0067L);
        ram.set(LONG, 0x2004, 0x7_0000);
        for (int vector = 0; vector < 256; vector++) {
            final long gate = HANDLERS | 0x10 << 16 | 0xee00L << 32;
            if (mode == Mode.PROTECTED_32) {
                ram.set(LONG, IDT + 8L * vector, gate);
            } else if (mode != Mode.REAL_16) {
                ram.set(LONG, IDT + 16L * vector, gate);
                ram.set(LONG, IDT + 16L * vector + 8, 0);
            } else {
                ram.set(ValueLayout.JAVA_INT_UNALIGNED, 4L * vector, HANDLERS);
            }
        }
        // inc byte [rsp]: the return goes a little further, more or less; iret
        MemorySegment.copy(
                HexFormat.of()
                        .parseHex(mode == Mode.REAL_16 ? "cf" : mode == Mode.PROTECTED_32 ? "fe0424cf" : "fe042448cf"),
                0,
                ram,
                ValueLayout.JAVA_BYTE,
                HANDLERS,
                mode == Mode.REAL_16 ? 1 : mode == Mode.PROTECTED_32 ? 4 : 5);
        ram.set(LONG, TABLES, TABLES + 0x1007);
        ram.set(LONG, TABLES + 0x1000, TABLES + 0x2007);
        ram.set(LONG, TABLES + 0x2000, 0x87);
    }

    private void sometimesExit() {
        if (source.nextInt(4) == 0) {
            throw exit;
        }
    }

    @Override
    public long readMemory(long guestPhysicalAddress, int widthBytes) {
        sometimesExit();
        return source.nextLong() >>> (64 - 8 * widthBytes);
    }

    @Override
    public void writeMemory(long guestPhysicalAddress, int widthBytes, long value) {
        sometimesExit();
    }

    @Override
    public int in(int port, int widthBytes) {
        sometimesExit();
        return source.nextInt() >>> (32 - 8 * widthBytes);
    }

    @Override
    public void out(int port, int widthBytes, int value) {
        sometimesExit();
    }
}
