package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.interp.Block;
import java.lang.classfile.Label;
import org.jspecify.annotations.Nullable;

/**
 * A straight run of instructions within a region: a block, cut where another of the region begins.
 */
final class Unit {
    final Block block;
    final Insn[] insns;
    final Effects[] effects;
    /** Which instructions are emitted as bytecode; the others run as steps. */
    final boolean[] inline;
    /** For each instruction, whether the flags it leaves can be seen. */
    final boolean[] flagsLive;
    /** Whether the flags at the end can be seen. */
    boolean flagsLiveAtEnd;
    /** How many of the block's instructions are emitted. */
    int count;

    @Nullable
    Label label;

    Unit(Block block, Insn[] insns) {
        this.block = block;
        this.insns = insns;
        this.count = insns.length;
        this.effects = new Effects[insns.length];
        this.inline = new boolean[insns.length];
        this.flagsLive = new boolean[insns.length];
        for (int i = 0; i < insns.length; i++) {
            effects[i] = Effects.of(insns[i]);
            inline[i] = Inline.supports(insns[i]);
        }
        // A step may cover two instructions: both are emitted, or neither.
        for (int s = 0; s < block.steps.length; s++) {
            final int first = block.stepInsn(s);
            final int end = stepEnd(s);
            boolean all = true;
            for (int i = first; i < end; i++) {
                all &= inline[i];
            }
            for (int i = first; i < end; i++) {
                inline[i] = all;
            }
        }
    }

    /** Index of the first instruction behind those of a step. */
    int stepEnd(int step) {
        return step + 1 < block.steps.length ? block.stepInsn(step + 1) : insns.length;
    }

    /** The step that begins with an instruction. */
    int stepAt(int insn) {
        int step = 0;
        while (block.stepInsn(step) < insn) {
            step++;
        }
        return step;
    }

    /** Offset in the page of the first instruction. */
    int start() {
        return block.pageOffset;
    }

    /** Offset in the page behind the last instruction that is emitted. */
    int end() {
        return offsetBehind(count - 1);
    }

    int offset(int insn) {
        return block.pageOffset + insns[insn].offset;
    }

    int offsetBehind(int insn) {
        return block.pageOffset + insns[insn].end();
    }

    Insn last() {
        return insns[count - 1];
    }

    /** Ends the unit where another begins, if an instruction begins there and no step spans it. */
    void cutAt(int pageOffset) {
        for (int i = 1; i < count; i++) {
            if (offset(i) == pageOffset) {
                if (inline[i - 1] || block.stepInsn(stepAt(i)) == i) {
                    count = i;
                }
                return;
            }
        }
    }

    /**
     * Works out {@link #flagsLive}: an exception, an exit and every step that may look at flags wants them as they are.
     *
     * @param liveAtEnd whether the flags at the end can be seen
     * @return whether the flags at the start can be seen
     */
    boolean findLiveFlags(boolean liveAtEnd) {
        flagsLiveAtEnd = liveAtEnd;
        boolean live = liveAtEnd;
        for (int i = count - 1; i >= 0; i--) {
            final Effects e = effects[i];
            // A store may overwrite the region, which is then left right behind it.
            live |= e.writesMemory();
            flagsLive[i] = live;
            if (e.killsFlags()) {
                live = false;
            }
            live |= e.readsFlags() || e.mayFault() || !e.known();
        }
        return live;
    }
}
