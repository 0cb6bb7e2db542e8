package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.ModeKey;
import io.jvmm.vcpu.x86.interp.Block;
import io.jvmm.vcpu.x86.interp.Blocks;
import io.jvmm.vcpu.x86.interp.CodeCache;
import io.jvmm.vcpu.x86.interp.Region;
import io.jvmm.vcpu.x86.interp.StepFactory;
import io.jvmm.vcpu.x86.interp.TranslationQueue;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;
import io.jvmm.vcpu.x86.oracle.sys.NativeState;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** For differential tests: one instruction, or a few in a row, as a region of translated code, on a processor in 64-bit mode. */
public final class TranslatedCpu {
    private static final long ANYWHERE = 0x40000;
    private static final int SLOT = 2;
    /** JMP to itself: the region is left there. */
    private static final byte[] END = {(byte) 0xeb, (byte) 0xfe};

    private final Cpu cpu;
    /** Where the code begins, and in its page. */
    private final long address;

    private final int offset;
    private final CodeCache cache;
    private final Translator translator = new Translator(TranslatorOptions.DEFAULT);
    private final MemorySegment page = Arena.global().allocate(PhysicalMemory.PAGE_BYTES, PhysicalMemory.PAGE_BYTES);
    private Region region;

    /** Puts the code into the physical memory of this processor, where no table maps it. */
    public TranslatedCpu(Cpu cpu, List<StepFactory> factories) {
        this(cpu, factories, ANYWHERE);
    }

    /** The same, with the code at this address, which is linear and physical alike. */
    public TranslatedCpu(Cpu cpu, List<StepFactory> factories, long address) {
        this.cpu = cpu;
        this.address = address;
        this.offset = (int) address & (PhysicalMemory.PAGE_BYTES - 1);
        final PhysicalMemory memory = cpu.mmu.memory();
        memory.map(SLOT, address - offset, PhysicalMemory.PAGE_BYTES, page, false);
        cache = new CodeCache(memory, factories, TranslationQueue.NONE, 1 << 30, 1 << 20);
        translator.attach(cache);
        region = load(new byte[] {(byte) 0x90}, 1);
    }

    /** Translates these bytes. */
    public Region load(byte[] code, int length) {
        MemorySegment.copy(MemorySegment.ofArray(code), 0, page, offset, length);
        MemorySegment.copy(MemorySegment.ofArray(END), 0, page, offset + length, END.length);
        cache.clear();
        final Block block = Blocks.at(cache, address, ModeKey.CODE_64);
        block.hits = 1 << 20;
        final Region made = translator.translate(block);
        if (made == null) {
            throw new IllegalStateException("not translated");
        }
        region = made;
        return made;
    }

    /** Runs what was loaded from the given state; an exception ends the run. FX state is not touched. */
    public void run(NativeState state) {
        System.arraycopy(state.r, 0, cpu.r, 0, 16);
        cpu.setFlags((int) state.flags, -1);
        cpu.blockRip = address;
        cpu.rip = address;
        cpu.budget = 1;
        state.vector = -1;
        try {
            region.run(cpu);
        } catch (GuestException e) {
            state.vector = e.vector();
            state.errorCode = Math.max(e.errorCode(), 0);
            state.faultAddress = cpu.mmu.faultAddress();
        }
        System.arraycopy(cpu.r, 0, state.r, 0, 16);
        state.flags = cpu.flags();
    }
}
