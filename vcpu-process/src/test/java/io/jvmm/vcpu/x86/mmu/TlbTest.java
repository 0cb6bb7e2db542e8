package io.jvmm.vcpu.x86.mmu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.TestSeed;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is remembered and what is forgotten (SDM 3A 4.10.4), and that the hot paths allocate nothing. */
final class TlbTest {
    private static final long LEAF = MmuRig.P | MmuRig.W | MmuRig.U | MmuRig.A | MmuRig.D;

    private final MmuRig rig = new MmuRig();

    private void map(long linear, long physical, long flags) {
        rig.put(MmuRig.pte(linear), physical | LEAF | flags);
    }

    /** Two frames with a different number each. */
    private void frames() {
        rig.put(0x10_0000, 1);
        rig.put(0x10_1000, 2);
    }

    @Test
    void staleUntilFlushed() {
        rig.longMode(0, MmuRig.CR4_PGE, 0);
        frames();
        map(0x5000, 0x10_0000, 0);
        map(0x6000, 0x10_0000, MmuRig.G);
        map(0x7000, 0x10_0000, 0);
        for (long linear = 0x5000; linear <= 0x7000; linear += 0x1000) {
            assertEquals(1, rig.mmu.read64(linear));
            map(linear, 0x10_1000, linear == 0x6000 ? MmuRig.G : 0);
            assertEquals(1, rig.mmu.read64(linear), "remembered");
        }
        rig.mmu.flushPage(0x7008);
        assertEquals(2, rig.mmu.read64(0x7000));
        assertEquals(1, rig.mmu.read64(0x5000), "INVLPG is for one page");
        rig.mmu.flushNonGlobal();
        assertEquals(2, rig.mmu.read64(0x5000));
        assertEquals(1, rig.mmu.read64(0x6000), "global");
        rig.mmu.flushPage(0x6000);
        assertEquals(2, rig.mmu.read64(0x6000), "INVLPG is for global pages, too");
    }

    @Test
    void globalOnlyWithTheControlBit() {
        rig.longMode(0, 0, 0);
        frames();
        map(0x6000, 0x10_0000, MmuRig.G);
        assertEquals(1, rig.mmu.read64(0x6000));
        map(0x6000, 0x10_1000, MmuRig.G);
        rig.mmu.flushNonGlobal();
        assertEquals(2, rig.mmu.read64(0x6000));
    }

    @Test
    void oneInvlpgForAllOfALargePage() {
        rig.longMode(0, 0, 0);
        rig.put(0x3008, 0x20_0000 | LEAF | MmuRig.PS);
        rig.put(0x2008, LEAF | MmuRig.PS);
        rig.put(0x20_0000, 1);
        rig.put(0x20_5000, 2);
        rig.put(0x21_0000, 1);
        assertEquals(1, rig.mmu.read64(0x20_0000));
        assertEquals(2, rig.mmu.read64(0x20_5000));
        assertEquals(1, rig.mmu.read64(0x4021_0000L));
        rig.put(0x3008, 0x40_0000 | LEAF | MmuRig.PS);
        rig.put(0x2008, 0);
        rig.mmu.flushPage(0x3f_f000);
        assertEquals(0, rig.mmu.read64(0x20_0000));
        assertEquals(0, rig.mmu.read64(0x20_5000));
        assertEquals(1, rig.mmu.read64(0x4021_0000L), "another page");
        rig.mmu.flushPage(0x7fff_f000L);
        assertEquals(0, rig.fault(() -> rig.mmu.read64(0x4021_0000L)));
    }

    @Test
    void randomFlushesAgainstAFreshWalk() {
        final long seed = TestSeed.next();
        final SplittableRandom random = new SplittableRandom(seed);
        rig.longMode(0, MmuRig.CR4_PGE, 0);
        for (int i = 0; i < 512; i++) {
            rig.put(0x10_0000 + 4096L * i, i);
        }
        // A table of 512 pages, several of them under two linear addresses that share an index of the TLB.
        rig.put(0x3000 + 8 * 3, 0x4000 | LEAF);
        final int[] frame = new int[512];
        for (int round = 0; round < 2_000; round++) {
            for (int i = 0; i < 30; i++) {
                final int page = random.nextInt(512);
                final long linear = ((long) page << 12) + (random.nextBoolean() ? 0x60_0000 : 0);
                if (random.nextBoolean()) {
                    rig.mmu.read64(linear);
                } else {
                    rig.mmu.write64(linear + 8, 1);
                }
            }
            final int page = random.nextInt(512);
            frame[page] = random.nextInt(512);
            map((long) page << 12, 0x10_0000 + 4096L * frame[page], random.nextBoolean() ? MmuRig.G : 0);
            switch (random.nextInt(3)) {
                case 0 -> rig.mmu.flushAll();
                case 1 -> {
                    rig.mmu.flushNonGlobal();
                    rig.mmu.flushPage((long) page << 12);
                    rig.mmu.flushPage(0x60_0000 + ((long) page << 12));
                }
                default -> {
                    rig.mmu.flushPage((long) page << 12);
                    rig.mmu.flushPage(0x60_0000 + ((long) page << 12));
                }
            }
            for (int i = 0; i < 512; i++) {
                if (rig.get(MmuRig.pte((long) i << 12)) != 0) {
                    assertEquals(frame[i], rig.mmu.read64((long) i << 12));
                    assertEquals(frame[i], rig.mmu.read64(0x60_0000 + ((long) i << 12)));
                }
            }
        }
    }

    @BeforeEach
    void allPages() {
        for (int i = 0; i < 512; i++) {
            rig.put(0x4000 + 8 * i, 0x10_0000 | LEAF);
        }
    }

    @Test
    void everyPrivilegeHasItsOwn() {
        rig.longMode(0, MmuRig.CR4_SMAP, 0);
        rig.mmu.setPrivilege(true, false);
        assertEquals(-1, rig.fault(() -> rig.mmu.write8(0x5000, 1)));
        rig.mmu.setPrivilege(false, false);
        assertEquals(3, rig.fault(() -> rig.mmu.write8(0x5000, 1)), "a hit of the user's is none of the supervisor's");
        rig.mmu.setPrivilege(false, true);
        assertEquals(-1, rig.fault(() -> rig.mmu.write8(0x5000, 1)));
        rig.mmu.setPrivilege(false, false);
        assertEquals(3, rig.fault(() -> rig.mmu.write8(0x5000, 1)));
    }

    @Test
    void codeIsNeverWrittenUnseen() {
        rig.longMode(0, 0, 0);
        map(0x5000, 0x10_0000, 0);
        map(0x6000, 0x10_0000, 0);
        rig.mmu.write8(0x5000, 1);
        rig.mmu.setPrivilege(true, false);
        rig.mmu.write8(0x6000, 1);
        rig.memory.setCode(0x10_0000, true);
        assertTrue(rig.mmu.protectCode(0x10_0000));
        assertFalse(rig.mmu.protectCode(0x10_0000));
        rig.mmu.write16(0x6ffe, 1);
        rig.mmu.setPrivilege(false, false);
        rig.mmu.write64(0x5010, 1);
        assertEquals("[code 100ffe+2, code 100010+8]", rig.log.toString());
        assertEquals(0, rig.mmu.hostForWrite(0x5000, 16));
        assertTrue(rig.mmu.hostForRead(0x5000, 16) != 0);
        rig.mmu.compareAndExchange(0x5020, 4, 0, 1);
        assertEquals("code 100020+4", rig.log.getLast());
        rig.memory.setCode(0x10_0000, false);
        rig.mmu.flushAll();
        rig.mmu.write8(0x5000, 1);
        assertEquals(3, rig.log.size());
    }

    @Test
    void nothingIsAllocated() {
        rig.longMode(0, MmuRig.CR4_PGE | MmuRig.CR4_SMAP, 0);
        final Mmu mmu = rig.mmu;
        Allocations.assertNone("hits, misses, crossings, flushes", () -> {
            mmu.setPrivilege(false, true);
            mmu.write64(0x5000, mmu.read64(0x6000) + 1);
            mmu.write64(0x5ffc, mmu.read64(0x6ffd));
            mmu.compareAndExchange(0x5fff, 8, 1, 2);
            mmu.setPrivilege(true, false);
            mmu.hostForWrite(0x7000, 16);
            mmu.flushNonGlobal();
            mmu.flushPage(0x5000);
        });
        rig.put(MmuRig.pte(0x9000), 0);
        Allocations.assertNone("faults", () -> {
            try {
                mmu.read8(0x9000);
            } catch (GuestException e) {
                mmu.flushAll();
            }
        });
    }
}
