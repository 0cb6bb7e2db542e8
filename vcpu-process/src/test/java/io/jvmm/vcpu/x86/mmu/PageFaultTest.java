package io.jvmm.vcpu.x86.mmu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** Error codes and rights, clause by clause (SDM 3A 4.6, 4.7), in long mode. */
final class PageFaultTest {
    private static final int NONE = -1;
    private static final int P = 1;
    private static final int W = 2;
    private static final int U = 4;
    private static final int RSVD = 8;
    private static final int I = 16;
    private static final long PAGE = 0x5000;

    private final MmuRig rig = new MmuRig();

    private void page(long rights) {
        rig.put(MmuRig.pte(PAGE), 0x10_0000 | rights);
        rig.mmu.flushAll();
    }

    private int read(boolean user, boolean ac) {
        rig.mmu.setPrivilege(user, ac);
        return rig.fault(() -> rig.mmu.read32(PAGE + 8));
    }

    private int write(boolean user, boolean ac) {
        rig.mmu.setPrivilege(user, ac);
        return rig.fault(() -> rig.mmu.write32(PAGE + 8, 1));
    }

    private int fetch(boolean user) {
        rig.mmu.setPrivilege(user, false);
        return rig.fault(() -> rig.mmu.translateFetch(PAGE + 8));
    }

    @Test
    void notPresent() {
        rig.longMode(0, 0, 0);
        page(0);
        assertEquals(0, read(false, false));
        assertEquals(PAGE + 8, rig.mmu.faultAddress());
        assertEquals(U, read(true, false));
        assertEquals(W, write(false, false));
        assertEquals(W | U, write(true, false));
        assertEquals(U, fetch(true), "the I bit is not for a processor without NX and SMEP");
        rig.longMode(0, 0, MmuRig.EFER_NXE);
        assertEquals(U | I, fetch(true));
        rig.longMode(0, MmuRig.CR4_SMEP, 0);
        assertEquals(I, fetch(false));
    }

    @Test
    void writeProtection() {
        rig.longMode(MmuRig.CR0_WP, 0, 0);
        page(MmuRig.P | MmuRig.U);
        assertEquals(P | W | U, write(true, false));
        assertEquals(P | W, write(false, false));
        assertEquals(NONE, read(true, false));
        rig.longMode(0, 0, 0);
        assertEquals(NONE, write(false, false), "CR0.WP = 0");
        assertEquals(P | W | U, write(true, false));
        rig.put(0x2000, rig.get(0x2000) & ~MmuRig.W);
        page(MmuRig.P | MmuRig.U | MmuRig.W);
        assertEquals(P | W | U, write(true, false), "every level");
    }

    @Test
    void userPages() {
        rig.longMode(0, 0, 0);
        page(MmuRig.P | MmuRig.W);
        assertEquals(P | U, read(true, false));
        assertEquals(P | U, fetch(true));
        assertEquals(NONE, read(false, false));
        page(MmuRig.P | MmuRig.W | MmuRig.U);
        rig.put(0x1000, rig.get(0x1000) & ~MmuRig.U);
        rig.mmu.flushAll();
        assertEquals(P | U, read(true, false), "every level");
        assertEquals(NONE, fetch(false));
    }

    @Test
    void supervisorModeAccessPrevention() {
        rig.longMode(0, MmuRig.CR4_SMAP, 0);
        page(MmuRig.P | MmuRig.W | MmuRig.U);
        assertEquals(P, read(false, false));
        assertEquals(P | W, write(false, false));
        assertEquals(NONE, read(false, true), "RFLAGS.AC suspends it");
        assertEquals(NONE, write(false, true));
        assertEquals(P, read(false, false), "and not for longer");
        assertEquals(NONE, read(true, false));
        assertEquals(NONE, fetch(false), "it is not for fetches");
        rig.mmu.setPrivilege(false, true);
        assertEquals(P, rig.fault(() -> rig.mmu.readSystem(PAGE, 8)), "implicit accesses: whatever AC");
        rig.mmu.setPrivilege(true, true);
        assertEquals(P | W, rig.fault(() -> rig.mmu.writeSystem(PAGE, 8, 0)), "at CPL 3, too, as the supervisor's");
    }

    @Test
    void supervisorModeExecutionPrevention() {
        rig.longMode(0, MmuRig.CR4_SMEP, 0);
        page(MmuRig.P | MmuRig.U);
        assertEquals(P | I, fetch(false));
        assertEquals(NONE, fetch(true));
        assertEquals(NONE, read(false, false));
        page(MmuRig.P);
        assertEquals(NONE, fetch(false));
        assertEquals(P | U | I, fetch(true));
    }

    @Test
    void noExecute() {
        rig.longMode(0, 0, MmuRig.EFER_NXE);
        page(MmuRig.P | MmuRig.U | MmuRig.NX);
        assertEquals(P | U | I, fetch(true));
        assertEquals(P | I, fetch(false));
        assertEquals(NONE, read(true, false));
        page(MmuRig.P | MmuRig.U);
        rig.put(0x3000, rig.get(0x3000) | MmuRig.NX);
        rig.mmu.flushAll();
        assertEquals(P | U | I, fetch(true), "every level");
    }

    @Test
    void reservedBits() {
        rig.longMode(0, 0, 0);
        page(MmuRig.P | MmuRig.NX);
        assertEquals(P | RSVD, read(false, false), "NX without EFER.NXE");
        page(MmuRig.P | 1L << 40);
        assertEquals(P | RSVD | U, read(true, false), "above MAXPHYADDR, before rights are looked at");
        page(1L << 40);
        assertEquals(U, read(true, false), "of an entry that is not present nothing is reserved");
        page(MmuRig.P);
        rig.put(0x1000, rig.get(0x1000) | MmuRig.PS);
        assertEquals(P | RSVD | W, write(false, false), "PS in a PML4E");
        rig.longMode(0, 0, 0);
        rig.put(0x3000, 0x20_2000 | MmuRig.P | MmuRig.PS);
        assertEquals(P | RSVD, read(false, false), "2 MiB page, bit 13");
        rig.put(0x2000, 0x4000_0000 | 1 << 29 | MmuRig.P | MmuRig.PS);
        assertEquals(P | RSVD, read(false, false), "1 GiB page, bit 29");
    }

    @Test
    void accessedAndDirty() {
        rig.longMode(MmuRig.CR0_WP, 0, 0);
        page(MmuRig.P);
        assertEquals(NONE, read(false, false));
        assertEquals(MmuRig.A, rig.get(MmuRig.pte(PAGE)) & (MmuRig.A | MmuRig.D));
        assertEquals(P | W, write(false, false));
        assertEquals(0, rig.get(MmuRig.pte(PAGE)) & MmuRig.D, "a write that faults makes nothing dirty");
        page(MmuRig.P | MmuRig.W);
        rig.put(0x1000, 0x2000 | MmuRig.P | MmuRig.W);
        assertEquals(NONE, write(false, false));
        assertEquals(MmuRig.A | MmuRig.D, rig.get(MmuRig.pte(PAGE)) & (MmuRig.A | MmuRig.D));
        for (final long table : new long[] {0x1000, 0x2000, 0x3000}) {
            assertEquals(MmuRig.A, rig.get(table) & (MmuRig.A | MmuRig.D), "tables are accessed, not dirty");
        }
        page(MmuRig.P | MmuRig.W);
        assertEquals(NONE, read(false, false));
        assertEquals(NONE, write(false, false));
        assertEquals(MmuRig.D, rig.get(MmuRig.pte(PAGE)) & MmuRig.D, "the first write behind a read is seen");
    }

    @Test
    void largePages() {
        rig.longMode(0, 0, 0);
        rig.put(0x3008, 0x20_0000 | MmuRig.P | MmuRig.W | MmuRig.PS);
        rig.put(0x2008, MmuRig.P | MmuRig.W | MmuRig.PS);
        rig.put(0x21_2345, 77);
        assertEquals(77, rig.mmu.read64(0x21_2345));
        assertEquals(77, rig.mmu.read64(0x4021_2345L));
        rig.mmu.write8(0x4000_0000L, 1);
        assertEquals(MmuRig.A, rig.get(0x3008) & (MmuRig.A | MmuRig.D));
        assertEquals(MmuRig.A | MmuRig.D, rig.get(0x2008) & (MmuRig.A | MmuRig.D));
    }

    @Test
    void canonicalAddresses() {
        rig.longMode(0, 0, 0);
        for (final long linear : new long[] {0x8000_0000_0000L, 0xffff_7fff_ffff_fff8L, 1L << 63}) {
            final GuestException e = assertThrows(GuestException.class, () -> rig.mmu.read64(linear));
            assertEquals(Vector.GP, e.vector());
            assertEquals(0, e.errorCode());
            assertTrue(e.isNonCanonical());
            assertThrows(GuestException.class, () -> rig.mmu.translateFetch(linear));
            assertEquals(-1, rig.mmu.translateDebug(linear));
        }
    }

    @Test
    void faultInTheSecondPage() {
        rig.longMode(0, 0, 0);
        rig.put(MmuRig.pte(0x6000), 0x10_0000 | MmuRig.P | MmuRig.W);
        assertEquals(W, rig.fault(() -> rig.mmu.write64(0x6ffc, -1)));
        assertEquals(0x7000, rig.mmu.faultAddress());
        assertEquals(0, rig.get(0x10_0ff8), "nothing is written");
        assertEquals(W, rig.fault(() -> rig.mmu.probeWrite(0x6f00, 512)));
        assertEquals(NONE, rig.fault(() -> rig.mmu.probeWrite(0x6e00, 512)));
        assertEquals(W, rig.fault(() -> rig.mmu.compareAndExchange(0x6fff, 2, 0, 1)));
    }

    @Test
    void pointersOfPaePaging() {
        rig.put(0x1000, 0x2000 | MmuRig.P);
        assertTrue(rig.mmu.pointersAreValid(0x1000));
        rig.put(0x1008, MmuRig.W);
        assertTrue(rig.mmu.pointersAreValid(0x1000), "not present");
        rig.put(0x1008, MmuRig.P | MmuRig.W);
        assertEquals(false, rig.mmu.pointersAreValid(0x1000));
        rig.put(0x1008, MmuRig.P | 1L << 40);
        assertEquals(false, rig.mmu.pointersAreValid(0x1000));
        // They are loaded with CR3, not when they are used (4.4.1).
        rig.put(0x1008, 0);
        rig.mmu.setPaging(MmuRig.CR0_PG | MmuRig.CR0_PE, 0x1000, MmuRig.CR4_PAE, 0);
        rig.put(0x2000, 0x20_0000 | MmuRig.P | MmuRig.PS);
        rig.put(0x1000, 0);
        rig.put(0x20_0010, 5);
        assertEquals(5, rig.mmu.read64(0x10));
    }
}
