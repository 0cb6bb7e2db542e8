package io.jvmm.vcpu.x86.mmu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.TestSeed;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The walker, its TLBs and its accessed and dirty bits against {@link PagingModel}, over random tables. */
final class PagingModelTest {
    private static final int TABLE_PAGES = 24;
    private static final int ROUNDS = 60;
    private static final int ACCESSES = 4_000;

    private final long seed = TestSeed.next();

    @ParameterizedTest
    @EnumSource(PagingModel.Mode.class)
    void randomTables(PagingModel.Mode mode) {
        System.out.println("PagingModelTest " + mode + ", seed " + seed);
        final SplittableRandom random = new SplittableRandom(seed);
        long faults = 0;
        for (int round = 0; round < ROUNDS; round++) {
            faults += round(mode, random);
        }
        // Tables so broken that nothing works, or so whole that nothing fails, would test nothing.
        final long all = (long) ROUNDS * ACCESSES;
        assertEquals(true, faults > all / 20 && faults < all * 19 / 20, faults + " faults of " + all);
    }

    private static long entry(SplittableRandom random, PagingModel.Mode mode) {
        // Most pages in RAM, some beyond it (device), rarely anything at all.
        long e = (long) random.nextInt(random.nextInt(8) == 0 ? 4096 : TABLE_PAGES) << 12;
        e |= random.nextInt(12) == 0 ? 0 : MmuRig.P;
        e |= random.nextInt(4) == 0 ? 0 : MmuRig.W;
        e |= random.nextInt(4) == 0 ? 0 : MmuRig.U;
        e |= random.nextLong() & (MmuRig.A | MmuRig.D | MmuRig.G | 0xe18);
        e |= random.nextInt(6) == 0 ? MmuRig.PS : 0;
        e &= (e & MmuRig.PS) != 0 && random.nextInt(4) != 0 ? ~0x3fff_e000L : -1;
        if (mode != PagingModel.Mode.LEGACY) {
            e |= random.nextInt(6) == 0 ? MmuRig.NX : 0;
            e |= random.nextInt(40) == 0 ? 1L << (36 + random.nextInt(27)) : 0;
        }
        return e;
    }

    private int round(PagingModel.Mode mode, SplittableRandom random) {
        final MmuRig rig = new MmuRig();
        for (long at = 0; at < TABLE_PAGES * 4096; at += mode.entryBytes) {
            if (mode == PagingModel.Mode.LEGACY) {
                rig.put32(at, (int) entry(random, mode));
            } else {
                rig.put(at, entry(random, mode));
            }
        }
        final PagingModel model = new PagingModel(rig);
        model.mode = mode;
        model.cr3 = 0x1000;
        model.wp = random.nextBoolean();
        model.pse = random.nextBoolean();
        model.smep = random.nextBoolean();
        model.smap = random.nextBoolean();
        model.nxe = random.nextBoolean();
        final long cr4 = (mode == PagingModel.Mode.LEGACY ? 0 : MmuRig.CR4_PAE)
                | (model.pse ? MmuRig.CR4_PSE : 0)
                | (model.smep ? MmuRig.CR4_SMEP : 0)
                | (model.smap ? MmuRig.CR4_SMAP : 0)
                | (random.nextBoolean() ? MmuRig.CR4_PGE : 0);
        final long efer = (mode == PagingModel.Mode.LONG ? MmuRig.EFER_LMA : 0) | (model.nxe ? MmuRig.EFER_NXE : 0);
        rig.mmu.setPaging(MmuRig.CR0_PG | MmuRig.CR0_PE | (model.wp ? MmuRig.CR0_WP : 0), model.cr3, cr4, efer);
        int faults = 0;
        for (int i = 0; i < ACCESSES; i++) {
            faults += access(rig, model, random);
        }
        return faults;
    }

    private static long linear(PagingModel.Mode mode, SplittableRandom random) {
        // Few upper indices, so that TLB entries are met again.
        final long linear = random.nextLong() & 0x0000_0180_c1c0_7ff8L;
        return mode == PagingModel.Mode.LONG ? linear << 16 >> 16 : linear & 0xffff_ffffL;
    }

    private int access(MmuRig rig, PagingModel model, SplittableRandom random) {
        final long linear = linear(model.mode, random);
        final boolean user = random.nextBoolean();
        final boolean fetch = random.nextInt(4) == 0;
        final boolean write = !fetch && random.nextBoolean();
        final boolean ac = random.nextBoolean();
        model.access(linear, write, user, fetch, ac);
        final int expected = model.error;
        final long physical = model.physical;
        // A write may hit a table: then everything is stale, as on a processor. Writing back what is there avoids that.
        rig.mmu.setPrivilege(user, ac);
        rig.log.clear();
        final long before = physical + 8 <= MmuRig.RAM_BYTES ? rig.get(physical) : 0;
        final int error = rig.fault(() -> {
            if (fetch) {
                assertEquals(physical, rig.mmu.translateFetch(linear));
            } else if (write) {
                rig.mmu.write64(linear, before | adBits(model));
            } else if (physical + 8 <= MmuRig.RAM_BYTES) {
                assertEquals(rig.get(physical) | adBits(model), rig.mmu.read64(linear) | adBits(model));
            } else {
                rig.mmu.read64(linear);
            }
        });
        final String what = String.format(
                "%x %s%s%s%s %s",
                linear, user ? "u" : "s", write ? "w" : "r", fetch ? "x" : "", ac ? " ac" : "", model.mode);
        assertEquals(expected, error, what);
        if (error != -1) {
            assertEquals(linear, rig.mmu.faultAddress(), what);
        } else if (physical >= MmuRig.RAM_BYTES && !fetch) {
            assertEquals(1, rig.log.size(), what);
        }
        if (error == -1) {
            checkAccessedAndDirty(rig, model, write, what);
        }
        return error == -1 ? 0 : 1;
    }

    /** The entry read may itself be one that the walk has just marked. */
    private static long adBits(PagingModel model) {
        final long bits = MmuRig.A | MmuRig.D;
        if (model.physical >= TABLE_PAGES * 4096) {
            return 0;
        }
        return model.mode == PagingModel.Mode.LEGACY ? bits | bits << 32 : bits;
    }

    private static void checkAccessedAndDirty(MmuRig rig, PagingModel model, boolean write, String what) {
        for (int i = 0; i < model.usedCount; i++) {
            if (model.used[i] >= MmuRig.RAM_BYTES) {
                continue;
            }
            final long e = model.mode == PagingModel.Mode.LEGACY ? rig.get32(model.used[i]) : rig.get(model.used[i]);
            final long want = MmuRig.A | (write && i == model.usedCount - 1 ? MmuRig.D : 0);
            assertEquals(want, e & want, what + " entry " + i);
        }
    }

    @Test
    void pagingOff() {
        final MmuRig rig = new MmuRig();
        rig.mmu.write64(0x1_0000_5000L, 42);
        assertEquals(42, rig.get(0x5000), "32 bits");
        rig.mmu.read32(MmuRig.DEVICE);
        assertEquals("[r4 fe000000]", rig.log.toString());
    }
}
