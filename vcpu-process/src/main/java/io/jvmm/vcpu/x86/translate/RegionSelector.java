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
    /** Instructions for which there is room. */
    private int left;

    private RegionSelector(int maxInstructions, int warmHits) {
        this.left = maxInstructions;
        this.warmHits = warmHits;
    }

    /** The hot block first; at most so many instructions. */
    static List<Block> select(Block hot, int maxInstructions, int warmHits) {
        final RegionSelector s = new RegionSelector(maxInstructions, warmHits);
        for (final Block b : hot.page.blocks(hot.modeKey)) {
            if (b.valid && !b.crossesPage()) {
                s.byOffset.put(b.pageOffset, b);
            }
        }
        s.take(hot);
        while (!s.open.isEmpty()) {
            s.successors(s.open.remove());
        }
        return s.chosen;
    }

    private void take(Block block) {
        byOffset.remove(block.pageOffset);
        left -= block.instructionCount;
        chosen.add(block);
        open.add(block);
    }

    private void successors(Block block) {
        final Insn[] insns = block.insns();
        final Insn last = insns[insns.length - 1];
        final int behind = block.pageOffset + last.end();
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
        if (block == null) {
            return;
        }
        if (block.region instanceof TranslatedRegion region) {
            merge(region);
        } else if (block.hits >= warmHits && block.instructionCount <= left) {
            take(block);
        }
    }

    /** A region is taken over as a whole or not at all: else two would take their blocks from each other for ever. */
    private void merge(TranslatedRegion region) {
        int sum = 0;
        for (final Block member : region.members) {
            if (byOffset.containsKey(member.pageOffset)) {
                sum += member.instructionCount;
            }
        }
        if (sum <= left) {
            for (final Block member : region.members) {
                if (byOffset.containsKey(member.pageOffset)) {
                    take(member);
                }
            }
        }
    }
}
