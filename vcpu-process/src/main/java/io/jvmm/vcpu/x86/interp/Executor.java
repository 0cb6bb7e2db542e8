package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Debugging;
import io.jvmm.vcpu.x86.cpu.Delivery;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.ModeKey;
import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.mmu.DeviceExit;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Vector;
import org.jspecify.annotations.Nullable;

/**
 * Runs guest code on one vCPU: finds blocks, executes them, delivers what they raise, takes interrupts between them. Used by
 * that vCPU's thread, but for {@link #protections}.
 *
 * <p>There are three ways through a block: {@link #run64} in 64-bit mode, {@link #runLegacy} with its segments, and
 * {@link #runOne} for a single instruction (interrupt shadow, single-step, breakpoints). Whatever leaves a block in the middle
 * comes to {@link #rewind}, which brings RIP and the counts to the instruction where that was. Nothing is allocated but by
 * the building of blocks.
 */
public final class Executor {
    /** Why {@link #run} came back. */
    public enum Stop {
        /** The budget is used up. */
        BUDGET,
        /** {@link Cpu#requestAttention()} was called; the caller clears the request, then looks. */
        ATTENTION,
        /** HLT, and nothing to wake the processor yet. */
        HALTED,
        /** A {@link DeviceExit}: answer it and run again. */
        DEVICE,
        /** Triple fault. */
        SHUTDOWN
    }

    /** Most instructions between two looks at timers and interrupts. */
    public static final int SLICE = 2_000;

    private static final int RECENT_PAGES = 256;
    private static final int NO_STEP = -1;
    private static final int PAGE_SHIFT = 12;
    private static final int OFFSET_MASK = CodePage.BYTES - 1;

    private final Cpu cpu;
    private final CodeCache cache;
    private final int threshold;
    private final InstructionTlb fetches = new InstructionTlb();
    private final JumpCache jumps = fetches.jumps;
    private final long[] tags = fetches.tags;
    private final @Nullable CodePage[] pages = fetches.pages;
    /** Pages of code that were entered into {@link #fetches} lately, by guest-physical address. */
    private final @Nullable CodePage[] recent = new CodePage[RECENT_PAGES];

    /** What other threads want of this vCPU's ways to write. */
    final Protections protections;
    /** The next instruction is to be executed by itself, see {@link LeaveBlock#ALONE}. */
    private boolean alone;
    /** Faults and interrupts delivered: each counts as an instruction, so that a storm of them uses up the budget. */
    private long delivered;

    /** The executor of a vCPU. */
    public Executor(Cpu cpu, CodeCache cache) {
        this.cpu = cpu;
        this.cache = cache;
        this.threshold = cache.threshold();
        this.protections = new Protections(cpu, cache);
        cpu.mmu.setFetchCache(fetches);
        cpu.codeFence = cache::settle;
        cache.attach(this);
    }

    /** Executes about {@code budget} instructions. */
    public Stop run(int budget) {
        protections.enter();
        try {
            return runGuest(budget);
        } finally {
            protections.leave();
        }
    }

    private Stop runGuest(int budget) {
        final long end = used() + budget;
        long nextLook = used() + cpu.charged;
        while (true) {
            if (cpu.shutdown) {
                return Stop.SHUTDOWN;
            }
            if (cpu.attention()) {
                return Stop.ATTENTION;
            }
            final long used = used();
            if (used - end >= 0) {
                return Stop.BUDGET;
            }
            if (used + cpu.charged - nextLook >= 0) {
                nextLook = used + cpu.charged + SLICE;
                expireTimers();
            }
            try {
                if (!cpu.interruptShadow && Delivery.takePending(cpu)) {
                    delivered++;
                }
                if (cpu.halted) {
                    return Stop.HALTED;
                }
                cpu.budget = (int) Math.min(SLICE, end - used);
                if (cpu.interruptShadow || alone || Debugging.isStepping(cpu)) {
                    runOne();
                } else if (cpu.modeKey == ModeKey.CODE_64) {
                    run64();
                } else {
                    runLegacy();
                }
            } catch (DeviceExit _) {
                return Stop.DEVICE;
            }
        }
    }

    /**
     * Executes the instruction at RIP, before any interrupt and whatever attention is wanted: the one whose {@link DeviceExit} has
     * been answered.
     *
     * @return {@link Stop#DEVICE} when it has met a further access, else {@link Stop#BUDGET}
     */
    public Stop runInstruction() {
        protections.enter();
        try {
            if (cpu.undelivered >= 0) {
                // The access was that of an interrupt's delivery, not of an instruction.
                Delivery.takePending(cpu);
                delivered++;
                return Stop.BUDGET;
            }
            cpu.budget = 1;
            runOne();
            return Stop.BUDGET;
        } catch (DeviceExit _) {
            return Stop.DEVICE;
        } finally {
            protections.leave();
        }
    }

    /**
     * Takes a pending interrupt, or else executes one instruction, as {@link #run} would: for whoever must stop at an instruction
     * that another machine has stopped at.
     */
    public Stop step() {
        if (cpu.shutdown) {
            return Stop.SHUTDOWN;
        }
        protections.enter();
        try {
            if (!cpu.interruptShadow && Delivery.takePending(cpu)) {
                delivered++;
                return Stop.BUDGET;
            }
        } catch (DeviceExit _) {
            return Stop.DEVICE;
        } finally {
            protections.leave();
        }
        return cpu.halted ? Stop.HALTED : runInstruction();
    }

    /** Instructions retired, and faults and interrupts delivered, so far: what a budget is counted in. */
    public long used() {
        return cpu.retired + delivered;
    }

    private void expireTimers() {
        final long now = cpu.time.nowNs();
        if (now >= cpu.interrupts.nextDeadlineNs()) {
            cpu.interrupts.tick(now);
        }
    }

    /** Blocks of 64-bit mode until the budget is used up, attention is wanted, or the mode changes. */
    private void run64() {
        final Cpu c = cpu;
        Block block = null;
        int step = NO_STEP;
        try {
            do {
                final long rip = c.rip;
                // Most jumps stay in their page and go where they went before: no look-up then.
                if (block == null || (rip ^ c.blockRip) >>> PAGE_SHIFT != 0) {
                    block = jumps.find(rip, c.cpl);
                    if (block == null) {
                        block = find64(rip);
                        if (!block.crossesPage()) {
                            jumps.put(rip, c.cpl, block);
                        }
                    }
                } else {
                    final Block next = block.next;
                    if (next != null && next.pageOffset == ((int) rip & OFFSET_MASK) && next.valid) {
                        block = next;
                    } else {
                        block = follow(block, rip);
                    }
                }
                c.blockRip = rip;
                final Region region = block.region;
                if (region == null) {
                    count(block);
                    c.rip = rip + block.byteLength;
                    final Step[] steps = block.steps;
                    for (step = 0; step < steps.length; step++) {
                        steps[step].run(c);
                    }
                    step = NO_STEP;
                    c.retired += block.instructionCount;
                    c.budget -= block.instructionCount;
                } else {
                    region.run(c);
                    block = null;
                }
            } while (c.budget > 0 && !c.attention() && c.modeKey == ModeKey.CODE_64);
        } catch (GuestException e) {
            rewind(block, step);
            deliver(e, ModeKey.CODE_64);
        } catch (DeviceExit e) {
            rewind(block, step);
            throw e;
        } catch (LeaveBlock e) {
            rewind(block, step);
            leave(e);
        }
    }

    /** The block at {@code rip} behind a block of the same page, when it is not the one that it was last time. */
    private Block follow(Block from, long rip) {
        final Block other = from.other;
        if (other != null && other.pageOffset == ((int) rip & OFFSET_MASK) && other.valid) {
            return other;
        }
        final Block found = find64(rip);
        if (from.isLinkable && found.page == from.page && !found.crossesPage()) {
            from.other = from.next;
            from.next = found;
        }
        return found;
    }

    private void count(Block block) {
        final int hits = block.hits + 1;
        block.hits = hits;
        if (hits == threshold) {
            cache.hot(block);
        }
    }

    private Block find64(long rip) {
        final int i = InstructionTlb.index(rip);
        if (tags[i] == InstructionTlb.tag(rip, cpu.cpl)) {
            final CodePage page = pages[i];
            final Block block = page == null ? null : page.find64((int) rip & OFFSET_MASK);
            if (block != null) {
                return block;
            }
        }
        return find(rip, ModeKey.CODE_64);
    }

    /** Blocks of 16-bit and 32-bit code. */
    private void runLegacy() {
        final Cpu c = cpu;
        Block block = null;
        int step = NO_STEP;
        int mode = c.modeKey;
        try {
            do {
                mode = c.modeKey;
                final long rip = c.rip;
                block = findLegacy(rip, mode);
                c.blockRip = rip;
                final Region region = block.region;
                if (region == null) {
                    count(block);
                    c.rip = rip + block.byteLength & 0xffff_ffffL;
                    final Step[] steps = block.steps;
                    for (step = 0; step < steps.length; step++) {
                        steps[step].run(c);
                    }
                    step = NO_STEP;
                    c.retired += block.instructionCount;
                    c.budget -= block.instructionCount;
                } else {
                    region.run(c);
                }
            } while (c.budget > 0 && !c.attention() && c.modeKey != ModeKey.CODE_64);
        } catch (GuestException e) {
            rewind(block, step);
            deliver(e, mode);
        } catch (DeviceExit e) {
            rewind(block, step);
            throw e;
        } catch (LeaveBlock e) {
            rewind(block, step);
            leave(e);
        }
    }

    private Block findLegacy(long rip, int mode) {
        final Segment cs = cpu.segments[Segment.CS];
        final long linear = cs.base + rip & 0xffff_ffffL;
        final Block block = find(linear, mode);
        if ((mode & ModeKey.CHECKED) == 0 || rip + block.byteLength - 1 <= cs.limit) {
            return block;
        }
        // Only instructions that lie behind the limit fault, not those before them in the block.
        final Block single = find(linear, mode | ModeKey.SINGLE);
        if (rip + single.byteLength - 1 > cs.limit) {
            throw cpu.protection();
        }
        return single;
    }

    /** One instruction, in any mode. */
    private void runOne() {
        final Cpu c = cpu;
        final boolean shadow = c.interruptShadow;
        final int mode = c.modeKey;
        final boolean stepping = Debugging.isStepping(c);
        Block block = null;
        int step = NO_STEP;
        c.interruptShadow = false;
        alone = false;
        try {
            if (stepping) {
                Debugging.before(c);
            }
            final long rip = c.rip;
            if (mode == ModeKey.CODE_64) {
                block = find(rip, mode | ModeKey.SINGLE);
                c.rip = rip + block.byteLength;
            } else {
                block = findLegacy(rip, mode | ModeKey.SINGLE);
                c.rip = rip + block.byteLength & 0xffff_ffffL;
            }
            c.blockRip = rip;
            step = 0;
            block.steps[0].run(c);
            step = NO_STEP;
            c.retired++;
            if (stepping) {
                Debugging.after(c);
            }
        } catch (GuestException e) {
            rewind(block, step);
            deliver(e, mode);
        } catch (DeviceExit e) {
            rewind(block, step);
            if (step != NO_STEP) {
                c.interruptShadow = shadow;
                if (stepping) {
                    Debugging.abandon(c);
                }
            }
            throw e;
        } catch (LeaveBlock _) {
            rewind(block, step);
            c.interruptShadow = shadow;
            if (stepping) {
                Debugging.abandon(c);
            }
        }
    }

    // One object for all is asked for by identity.
    @SuppressWarnings("ReferenceEquality")
    private void leave(LeaveBlock reason) {
        alone = reason == LeaveBlock.ALONE;
        cpu.interruptShadow = !alone && cpu.rip == cpu.shadowRip && (cpu.otherFlags & Flags.IF) != 0;
    }

    /** Brings RIP and counts to the instruction of a step that did not complete. */
    private void rewind(@Nullable Block block, int step) {
        if (block != null && step != NO_STEP) {
            final int done = block.stepInsn(step);
            cpu.rip = cpu.blockRip + block.stepOffset(step);
            if (cpu.codeBytes != 8) {
                cpu.rip &= 0xffff_ffffL;
            }
            cpu.retired += done;
            cpu.budget -= done;
        }
    }

    private void deliver(GuestException e, int mode) {
        delivered++;
        if (e.isNonCanonical() && isStackAccess(mode)) {
            e.of(Vector.SS, 0);
        }
        Delivery.exception(cpu, e);
    }

    /** Whether the instruction at RIP, which met an address that is not canonical, met it through SS. */
    private boolean isStackAccess(int mode) {
        final long physical = cpu.mmu.translateDebug(cpu.rip);
        final CodePage page = physical < 0 ? null : cache.page(physical, this);
        final Block block =
                page == null ? null : cache.block(page, (int) physical & OFFSET_MASK, mode | ModeKey.SINGLE);
        if (block == null) {
            return false;
        }
        final Insn insn = block.insns()[0];
        final long stack = cpu.r[Cpu.RSP];
        return (insn.hasMemory() && insn.segment == Segment.SS)
                || (BlockEnd.isStackOperation(insn.op) && (!isCanonical(stack - 8) || !isCanonical(stack + 8)));
    }

    private static boolean isCanonical(long linear) {
        return linear << 16 >> 16 == linear;
    }

    /** The block at a linear address: the thorough way. Throws the fault of the fetch. */
    private Block find(long linear, int mode) {
        while (true) {
            final CodePage page = page(linear);
            final int offset = (int) linear & OFFSET_MASK;
            Block block = page.find(Block.key(offset, mode));
            if (block == null) {
                block = cache.block(page, offset, mode);
            }
            if (block != null && !block.crossesPage()) {
                return block;
            }
            if (!page.dead) {
                final long next = linear - offset + CodePage.BYTES;
                final CodePage second = page((mode & ModeKey.CODE) == ModeKey.CODE_64 ? next : next & 0xffff_ffffL);
                if (block == null || block.secondPage != second || block.secondVersion != second.headVersion) {
                    block = cache.crossingBlock(page, offset, mode, second);
                }
                if (block != null) {
                    return block;
                }
            }
        }
    }

    /** The page of code at a linear address. Throws the fault of the fetch. */
    private CodePage page(long linear) {
        final int i = InstructionTlb.index(linear);
        final CodePage known = fetches.pages[i];
        if (known != null && !known.dead && fetches.tags[i] == InstructionTlb.tag(linear, cpu.cpl)) {
            return known;
        }
        final long physical = cpu.mmu.translateFetch(linear);
        final CodePage page = pageOf(physical);
        if (page == null) {
            // Nothing answers there: all ones, and FF FF is no instruction.
            throw cpu.undefined();
        }
        fetches.fill(linear, cpu.cpl, page, cpu.mmu.isFetchGlobal(), cpu.mmu.fetchPageShift());
        return page;
    }

    /** As {@link CodeCache#page}, without its lock where it is a page that this vCPU has met before and that has not changed. */
    private @Nullable CodePage pageOf(long physical) {
        final int i = (int) (physical >>> PAGE_SHIFT) & (RECENT_PAGES - 1);
        final CodePage known = recent[i];
        if (known != null && known.address == (physical & -CodePage.BYTES) && !known.dead && known.isCurrent()) {
            known.recentlyUsed = true;
            return known;
        }
        final CodePage page = cache.page(physical, this);
        recent[i] = page;
        return page;
    }

    /** Takes away this vCPU's ways to write to a page unseen. This vCPU's thread. */
    void protect(long guestPhysicalPage) {
        cpu.mmu.protectCode(guestPhysicalPage);
    }
}
