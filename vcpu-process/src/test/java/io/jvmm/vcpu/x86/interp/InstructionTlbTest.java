package io.jvmm.vcpu.x86.interp;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

/** What a flush takes away and what it leaves (SDM 3A 4.10.4.1). */
final class InstructionTlbTest {
    private static final long KERNEL = 0xffff_ffff_8100_0000L;
    private static final long USER = 0x40_1000L;
    private static final int PAGE = CodePage.BYTES;

    private final InstructionTlb tlb = new InstructionTlb();
    private final CodePage page = new CodePage(0, ByteBuffer.allocate(CodePage.BYTES));

    private boolean has(long linear, int cpl) {
        return tlb.tags[InstructionTlb.index(linear)] == InstructionTlb.tag(linear, cpl);
    }

    @Test
    void writingCr3LeavesWhatIsGlobal() {
        tlb.fill(KERNEL, 0, page, true, 12);
        tlb.fill(USER, 3, page, false, 12);
        tlb.flushNonGlobal();
        assertTrue(has(KERNEL, 0));
        assertFalse(has(USER, 3));
    }

    @Test
    void jumpsIntoPagesThatAreNotGlobalAreForgottenEvenAboveTheMiddle() {
        tlb.fill(KERNEL, 0, page, true, 12);
        tlb.jumps.put(KERNEL, 0, JumpCacheTest.block());
        tlb.flushNonGlobal();
        assertNotNull(tlb.jumps.find(KERNEL, 0));
        tlb.fill(KERNEL + PAGE, 0, page, false, 12);
        tlb.jumps.put(KERNEL + PAGE, 0, JumpCacheTest.block());
        tlb.flushNonGlobal();
        assertNull(tlb.jumps.find(KERNEL + PAGE, 0));
    }

    @Test
    void forgettingAPageForgetsTheJumpsIntoIt() {
        tlb.fill(KERNEL, 0, page, true, 12);
        tlb.jumps.put(KERNEL, 0, JumpCacheTest.block());
        tlb.flushPage(KERNEL);
        assertNull(tlb.jumps.find(KERNEL, 0));
    }

    @Test
    void anEntryThatBecameGlobalStays() {
        tlb.fill(KERNEL, 0, page, false, 12);
        tlb.fill(KERNEL, 0, page, true, 12);
        tlb.flushNonGlobal();
        assertTrue(has(KERNEL, 0));
    }

    @Test
    void moreThanTheListHoldsIsForgottenToo() {
        tlb.fill(KERNEL, 0, page, true, 12);
        for (int i = 0; i < 1000; i++) {
            tlb.fill(USER + (long) i * PAGE, 3, page, false, 12);
        }
        tlb.flushNonGlobal();
        for (int i = 0; i < 1000; i++) {
            assertFalse(has(USER + (long) i * PAGE, 3));
        }
    }

    @Test
    void flushingAllForgetsGlobalOnes() {
        tlb.fill(KERNEL, 0, page, true, 12);
        tlb.flushAll();
        assertFalse(has(KERNEL, 0));
    }

    @Test
    void anyAddressOfALargePageForgetsItAll() {
        tlb.fill(KERNEL, 0, page, true, 21);
        tlb.fill(KERNEL + PAGE, 0, page, true, 21);
        tlb.flushPage(KERNEL + 7 * PAGE);
        assertFalse(has(KERNEL, 0));
        assertFalse(has(KERNEL + PAGE, 0));
    }

    @Test
    void pagesTwoMegabytesApartDoNotShareAnEntry() {
        assertNotEquals(InstructionTlb.index(KERNEL), InstructionTlb.index(KERNEL + (2 << 20)));
        assertNotEquals(InstructionTlb.index(0xffff_ffff_81c0_1000L), InstructionTlb.index(USER));
    }
}
