package io.jvmm.vcpu.x86.interp;

import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import io.jvmm.vcpu.x86.cpu.ModeKey;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.decode.Decoder;
import io.jvmm.vcpu.x86.decode.Insn;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

final class JumpCacheTest {
    private static final long KERNEL = 0xffff_ffff_8100_0123L;
    private static final long USER = 0x5555_5555_4123L;
    private static final int EVERY_GENERATION = 1 << 15;

    private final JumpCache jumps = new JumpCache();

    @Test
    void findsWhatWasPutUntilCleared() {
        final Block block = block();
        assertNull(jumps.find(KERNEL, 0));
        jumps.put(KERNEL, 0, block);
        assertSame(block, jumps.find(KERNEL, 0));
        jumps.clear();
        assertNull(jumps.find(KERNEL, 0));
    }

    @Test
    void knowsNothingAtFirst() {
        for (int offset = 0; offset < 1 << 16; offset++) {
            assertNull(jumps.find(offset, 0));
        }
    }

    @Test
    void anotherPrivilegeHasOtherRights() {
        jumps.put(USER, 3, block());
        assertNull(jumps.find(USER, 0));
        jumps.put(KERNEL, 0, block());
        assertNull(jumps.find(KERNEL, 3));
    }

    @Test
    void addressesThatShareAnEntryReplaceEachOther() {
        final Block first = block();
        final Block second = block();
        final long other = USER ^ (1L << 40);
        jumps.put(USER, 3, first);
        jumps.put(other, 3, second);
        assertNull(jumps.find(USER, 3));
        assertSame(second, jumps.find(other, 3));
    }

    @Test
    void whatIsNotValidIsNotFound() {
        final Block block = block();
        jumps.put(KERNEL, 0, block);
        block.invalidate();
        assertNull(jumps.find(KERNEL, 0));
    }

    @Test
    void noGenerationComesBack() {
        jumps.put(KERNEL, 0, block());
        for (int i = 0; i < EVERY_GENERATION; i++) {
            jumps.clear();
            assertNull(jumps.find(KERNEL, 0));
            assertNull(jumps.find(0, 0));
        }
    }

    /** What is global is in the upper half. */
    @Test
    void theUpperHalfOutlivesAWriteOfCr3() {
        final Block kernel = block();
        for (int i = 0; i < 3; i++) {
            jumps.put(KERNEL, 0, kernel);
            jumps.put(USER, 3, block());
            jumps.clearLower();
            assertSame(kernel, jumps.find(KERNEL, 0));
            assertNull(jumps.find(USER, 3));
        }
        jumps.clear();
        assertNull(jumps.find(KERNEL, 0));
        for (int i = 0; i < EVERY_GENERATION; i++) {
            jumps.clearLower();
            assertNull(jumps.find(USER, 3));
            assertNull(jumps.find(KERNEL, 0));
        }
    }

    /** A block of one NOP. */
    static Block block() {
        final Insn nop = new Insn();
        Decoder.decode(new byte[] {(byte) 0x90}, 0, 1, 8, nop);
        final Step[] steps = {LeaveBlock.STEP};
        return new Block(
                new CodePage(0, ByteBuffer.allocate(CodePage.BYTES)),
                0,
                ModeKey.CODE_64,
                new Insn[] {nop},
                steps,
                new int[1],
                null);
    }
}
