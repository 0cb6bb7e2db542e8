package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.interp.Block;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which blocks of a page go into one region with a hot one: those that control reaches from it and that run often too. */
final class RegionSelector {
    private final Map<Integer, Block> byOffset = new HashMap<>();
    private final Deque<Block> open = new ArrayDeque<>();
    private final List<Block> chosen = new ArrayList<>();
    private final int warmHits;

    private RegionSelector(int warmHits) {
        this.warmHits = warmHits;
    }

    /** The hot block first; at most so many instructions. */
    static List<Block> select(Block hot, int maxInstructions, int warmHits) {
        final RegionSelector s = new RegionSelector(warmHits);
        for (final Block b : hot.page.blocks(hot.modeKey)) {
            if (b.valid && !b.crossesPage()) {
                s.byOffset.put(b.pageOffset, b);
            }
        }
        s.byOffset.remove(hot.pageOffset);
        s.open.add(hot);
        int instructions = 0;
        while (!s.open.isEmpty()) {
            final Block block = s.open.remove();
            if (instructions + block.instructionCount > maxInstructions && !s.chosen.isEmpty()) {
                continue;
            }
            instructions += block.instructionCount;
            s.chosen.add(block);
            s.successors(block);
        }
        return s.chosen;
    }

    private void successors(Block block) {
        final Insn[] insns = block.insns();
        final Insn last = insns[insns.length - 1];
        final long behind = block.pageOffset + last.end();
        final boolean direct = last.kind1 == OperandKind.REL;
        switch (last.op) {
            case JMP -> {
                if (direct) {
                    offer(behind + last.imm);
                }
            }
            case JCC, CALL, JCXZ, LOOP, LOOPE, LOOPNE -> {
                if (direct) {
                    offer(behind + last.imm);
                }
                offer(behind);
            }
            case RET, IRET, SYSRET, SYSEXIT, JMP_FAR, RET_FAR -> {}
            default -> offer(behind);
        }
    }

    private void offer(long pageOffset) {
        final @Nullable Block block = pageOffset >= 0 && pageOffset < 4096 ? byOffset.get((int) pageOffset) : null;
        if (block != null && (block.hits >= warmHits || block.region != null)) {
            byOffset.remove(block.pageOffset);
            open.add(block);
        }
    }
}
