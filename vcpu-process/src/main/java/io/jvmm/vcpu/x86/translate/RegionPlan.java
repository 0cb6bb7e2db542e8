package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.OperandKind;
import io.jvmm.vcpu.x86.interp.Block;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What goes into one region: its units in the order of their addresses, and which guest registers are locals. */
final class RegionPlan {
    final List<Unit> units;
    /** Guest registers that live in local variables, one bit each. */
    final int locals;
    /** Guest registers that emitted instructions change. */
    final int written;

    final boolean usesFs;
    final boolean usesGs;
    /** Some SSE instruction is emitted. */
    final boolean usesVectors;

    private RegionPlan(List<Unit> units, int locals, int written, boolean usesFs, boolean usesGs, boolean usesVectors) {
        this.units = units;
        this.locals = locals;
        this.written = written;
        this.usesFs = usesFs;
        this.usesGs = usesGs;
        this.usesVectors = usesVectors;
    }

    /** Plans the translation of these blocks of one page. */
    static RegionPlan of(List<Block> blocks, boolean registersInLocals) {
        final List<Unit> units = new ArrayList<>();
        for (final Block block : blocks) {
            units.add(new Unit(block, block.insns()));
        }
        units.sort(Comparator.comparingInt(Unit::start));
        for (final Unit unit : units) {
            for (final Unit other : units) {
                if (other.start() > unit.start() && other.start() < unit.end()) {
                    unit.cutAt(other.start());
                }
            }
        }
        int used = 0;
        int written = 0;
        boolean fs = false;
        boolean gs = false;
        boolean vectors = false;
        for (final Unit unit : units) {
            for (int i = 0; i < unit.count; i++) {
                if (unit.inline[i]) {
                    final Effects e = unit.effects[i];
                    used |= e.reads() | e.writes();
                    written |= e.writes();
                    fs |= unit.insns[i].hasMemory() && unit.insns[i].segment == Segment.FS;
                    vectors |= VectorInline.supports(unit.insns[i]);
                    gs |= unit.insns[i].hasMemory() && unit.insns[i].segment == Segment.GS;
                }
            }
        }
        final RegionPlan plan = new RegionPlan(units, registersInLocals ? used : 0, written, fs, gs, vectors);
        plan.findLiveFlags();
        return plan;
    }

    /** Forward edges within the region know whether the flags matter at their target; everything else wants them. */
    private void findLiveFlags() {
        final boolean[] liveAtStart = new boolean[units.size()];
        for (int u = units.size() - 1; u >= 0; u--) {
            final Unit unit = units.get(u);
            final Insn last = unit.last();
            boolean live = true;
            if (unit.inline[unit.count - 1]) {
                live = switch (last.op) {
                    case JMP -> last.kind1 != OperandKind.REL || live(unit, target(unit), liveAtStart);
                    case JCC -> live(unit, target(unit), liveAtStart) || live(unit, unit.end(), liveAtStart);
                    case CALL, RET -> true;
                    default -> live(unit, unit.end(), liveAtStart);
                };
            }
            liveAtStart[u] = unit.findLiveFlags(live);
        }
    }

    private boolean live(Unit from, long pageOffset, boolean[] liveAtStart) {
        if (pageOffset <= from.start()) {
            return true;
        }
        for (int u = 0; u < units.size(); u++) {
            if (units.get(u).start() == pageOffset) {
                return liveAtStart[u];
            }
        }
        return true;
    }

    /** Target of the direct jump or call that ends a unit, as an offset into its page (which it may leave). */
    static long target(Unit unit) {
        return unit.end() + unit.last().imm;
    }

    /** The unit that begins at an offset into the page. */
    @Nullable
    Unit unitAt(long pageOffset) {
        for (final Unit unit : units) {
            if (unit.start() == pageOffset) {
                return unit;
            }
        }
        return null;
    }
}
