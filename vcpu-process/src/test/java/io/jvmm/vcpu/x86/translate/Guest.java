package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.InterruptUnit;
import io.jvmm.vcpu.x86.cpu.ModeKey;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Decoder;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.Op;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.interp.Block;
import io.jvmm.vcpu.x86.interp.Blocks;
import io.jvmm.vcpu.x86.interp.CodeCache;
import io.jvmm.vcpu.x86.interp.IntegerFactory;
import io.jvmm.vcpu.x86.interp.Region;
import io.jvmm.vcpu.x86.interp.StepFactory;
import io.jvmm.vcpu.x86.interp.SystemFactory;
import io.jvmm.vcpu.x86.interp.TranslationQueue;
import io.jvmm.vcpu.x86.mmu.DeviceExit;
import io.jvmm.vcpu.x86.mmu.DeviceSpace;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Mmu;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;
import io.jvmm.vcpu.x86.simd.SimdFactory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A processor in 64-bit mode at CPL 0 with 8 MiB of RAM mapped one to one, but for two pages: {@link #HOLE} is not present,
 * {@link #READ_ONLY} may not be written. Executes one instruction at a time as the interpreter would, or whole regions.
 */
final class Guest {
    static final long MEMORY = 8 << 20;
    static final long CODE = 0x100000;
    static final long DATA = 0x200000;
    static final int DATA_BYTES = 0x8000;
    static final long READ_ONLY = DATA + 0x3000;
    static final long HOLE = DATA + 0x5000;
    private static final long TABLES = 0x10000;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final long PRESENT_WRITABLE = 0x63;

    final MemorySegment ram;
    final CodeCache cache;
    final Mmu mmu;
    final Cpu cpu;
    final Translator translator;
    private final StepFactory factory = new Factories();
    private final Map<Long, Insn> insns = new HashMap<>();
    private final Map<Long, Step> steps = new HashMap<>();
    private final Map<Long, byte[]> seen = new HashMap<>();

    Guest(Arena arena, TranslatorOptions options) {
        this(arena, TranslationQueue.NONE, 1 << 30, new Translator(options));
        translator.attach(cache);
    }

    /** One whose hot blocks go to a queue. */
    Guest(Arena arena, TranslationQueue queue, int threshold) {
        this(arena, queue, threshold, new Translator(TranslatorOptions.DEFAULT));
    }

    private Guest(Arena arena, TranslationQueue queue, int threshold, Translator translator) {
        this.translator = translator;
        ram = arena.allocate(MEMORY, 4096);
        final PhysicalMemory memory = new PhysicalMemory();
        memory.map(0, 0, MEMORY, ram, false);
        cache = new CodeCache(memory, List.of(factory), queue, threshold, 64 << 20);
        final GuestException exception = new GuestException();
        final DeviceSpace devices = new NoDevices();
        mmu = new Mmu(memory, devices, exception, cache);
        cpu = new Cpu(0, mmu, devices, new NoInterrupts(), () -> 0, exception);
        cpu.codeBytes = 8;
        cpu.modeKey = ModeKey.CODE_64;
        cpu.cr0 = 0x8001_0033L;
        cpu.cr3 = TABLES;
        cpu.cr4 = 0x620;
        cpu.efer = 0xd00;
        pageTables();
        mmu.setPaging(cpu.cr0, cpu.cr3, cpu.cr4, cpu.efer);
        mmu.setPrivilege(false, false);
        mmu.flushAll();
    }

    private void pageTables() {
        ram.set(LONG, TABLES, TABLES + 0x1000 | PRESENT_WRITABLE);
        ram.set(LONG, TABLES + 0x1000, TABLES + 0x2000 | PRESENT_WRITABLE);
        for (int i = 0; i < 4; i++) {
            ram.set(LONG, TABLES + 0x2000 + 8L * i, (long) i << 21 | PRESENT_WRITABLE | 0x80);
        }
        ram.set(LONG, TABLES + 0x2008, TABLES + 0x3000 | PRESENT_WRITABLE);
        for (long page = 0; page < 512; page++) {
            final long address = (1 << 21) + (page << 12);
            final long rights = address == HOLE ? 0 : address == READ_ONLY ? 0x61 : PRESENT_WRITABLE;
            ram.set(LONG, TABLES + 0x3000 + 8 * page, address | rights);
        }
    }

    /** Puts code at {@link #CODE}, and forgets what was there. */
    void load(byte[] code) {
        load(CODE, code);
    }

    void load(long address, byte[] code) {
        MemorySegment.copy(code, 0, ram, ValueLayout.JAVA_BYTE, address, code.length);
        cache.clear();
        mmu.flushAll();
        insns.clear();
        steps.clear();
    }

    /** Executes one instruction; a fault leaves everything as it was, and is thrown. */
    void step() {
        final long rip = cpu.rip;
        final byte[] bytes = new byte[15];
        MemorySegment.copy(ram, ValueLayout.JAVA_BYTE, rip, bytes, 0, 15);
        Step step = steps.get(rip);
        if (step == null || !Arrays.equals(bytes, seen.get(rip))) {
            final Insn insn = new Insn();
            if (!Decoder.decode(bytes, 0, 15, 8, insn)) {
                throw new IllegalStateException("cut instruction");
            }
            final Step[] into = new Step[1];
            if (factory.build(new Insn[] {insn}, 0, ModeKey.CODE_64, into) != 1) {
                insns.put(rip, insn);
                throw cpu.undefined();
            }
            step = into[0];
            insns.put(rip, insn);
            steps.put(rip, step);
            seen.put(rip, bytes);
        }
        cpu.blockRip = rip;
        cpu.rip = rip + Objects.requireNonNull(insns.get(rip)).length;
        try {
            step.run(cpu);
        } catch (GuestException | DeviceExit e) {
            cpu.rip = rip;
            throw e;
        }
        cpu.retired++;
    }

    /** Length of an instruction that {@link #step} has seen. */
    int lengthAt(long rip) {
        return Objects.requireNonNull(insns.get(rip)).length;
    }

    /** All blocks that can be reached within the page are made and warm. */
    void discover(long address) {
        final Set<Long> seen = new HashSet<>();
        discover(address, seen);
    }

    private void discover(long address, Set<Long> seen) {
        if (address >>> 12 != CODE >>> 12 || !seen.add(address)) {
            return;
        }
        final Block block = Blocks.at(cache, address, ModeKey.CODE_64);
        block.hits = 1 << 20;
        final Insn[] of = block.insns();
        final Insn last = of[of.length - 1];
        final long behind = address + last.end();
        if (last.kind1 == OperandKind.REL) {
            discover(behind + last.imm, seen);
        }
        if (last.op != Op.JMP && last.op != Op.RET) {
            discover(behind, seen);
        }
    }

    /** The region of a place in the page of the program, translated if need be; null elsewhere, and where there is none. */
    @Nullable
    Region regionAt(long address) {
        if (address >>> 12 != CODE >>> 12) {
            return null;
        }
        final Block block = Blocks.find(cache, address, ModeKey.CODE_64);
        if (block == null) {
            return null;
        }
        if (block.region == null) {
            translator.translate(block);
        }
        return block.region;
    }

    Block block(long address) {
        return Blocks.at(cache, address, ModeKey.CODE_64);
    }

    /** What there are steps for. */
    private static final class Factories implements StepFactory {
        private final StepFactory integers = new IntegerFactory();
        private final StepFactory vectors = new SimdFactory();
        /** Control may get amid an instruction, where anything can be. */
        private final StepFactory system = new SystemFactory();

        @Override
        public int build(Insn[] insns, int at, int modeKey, Step[] into) {
            int covered = integers.build(insns, at, modeKey, into);
            if (covered == 0) {
                covered = vectors.build(insns, at, modeKey, into);
            }
            return covered != 0 ? covered : system.build(insns, at, modeKey, into);
        }
    }

    /** Nothing is there. */
    private static final class NoDevices implements DeviceSpace {
        private final DeviceExit exit = new DeviceExit();

        @Override
        public long readMemory(long guestPhysicalAddress, int widthBytes) {
            throw exit;
        }

        @Override
        public void writeMemory(long guestPhysicalAddress, int widthBytes, long value) {
            throw exit;
        }

        @Override
        public int in(int port, int widthBytes) {
            throw exit;
        }

        @Override
        public void out(int port, int widthBytes, int value) {
            throw exit;
        }
    }

    private static final class NoInterrupts implements InterruptUnit {
        @Override
        public boolean isInterruptPending() {
            return false;
        }

        @Override
        public int acknowledge() {
            return -1;
        }

        @Override
        public boolean takeNmi() {
            return false;
        }

        @Override
        public int taskPriority() {
            return 0;
        }

        @Override
        public void setTaskPriority(int priority) {}

        @Override
        public long readMsr(int number) {
            return 0;
        }

        @Override
        public void writeMsr(int number, long value) {}

        @Override
        public long nextDeadlineNs() {
            return Long.MAX_VALUE;
        }

        @Override
        public void tick(long nowNs) {}
    }
}
