package io.jvmm.vcpu.x86.translate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.interp.Block;
import io.jvmm.vcpu.x86.interp.Region;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** How regions come and go: budget, self-modifying code, the bound on code, unloading. */
class RegionLifeTest {
    private static final TranslatorOptions LOCALS = new TranslatorOptions(true, 250, 0, 1 << 20);
    private static final TranslatorOptions ARRAY = new TranslatorOptions(false, 250, 0, 1 << 20);
    /** inc rax; jmp to it. */
    private static final String COUNT = "48ffc0" + "ebfb";
    /** mov [rbx], rax; inc rax; jmp to the first. */
    private static final String STORE = "488903" + "48ffc0" + "ebf8";

    private static byte[] code(String hex) {
        return HexFormat.of().parseHex(hex);
    }

    private static Region translated(Guest guest, long address) {
        guest.discover(address);
        guest.translator.translate(guest.block(address));
        return present(guest.block(address).region);
    }

    private static Region present(@Nullable Region region) {
        assertNotNull(region);
        return Objects.requireNonNull(region);
    }

    @Test
    void anEndlessLoopEndsWithTheBudget() {
        try (Arena arena = Arena.ofConfined()) {
            for (final TranslatorOptions options : List.of(LOCALS, ARRAY)) {
                final Guest guest = new Guest(arena, options);
                guest.load(code(COUNT));
                final Region region = translated(guest, Guest.CODE);
                guest.cpu.rip = Guest.CODE;
                guest.cpu.budget = 1001;
                region.run(guest.cpu);
                assertEquals(Guest.CODE, guest.cpu.rip);
                assertEquals(501, guest.cpu.r[Cpu.RAX]);
                assertEquals(1002, guest.cpu.retired);
                assertEquals(-1, guest.cpu.budget);
            }
        }
    }

    @Test
    void aStoreIntoTheRegionLeavesItBehindTheStore() {
        try (Arena arena = Arena.ofConfined()) {
            for (final TranslatorOptions options : List.of(LOCALS, ARRAY)) {
                final Guest guest = new Guest(arena, options);
                guest.load(code(STORE));
                final Region region = translated(guest, Guest.CODE);
                final Block block = guest.block(Guest.CODE);
                guest.cpu.rip = Guest.CODE;
                guest.cpu.budget = 1000;
                // The eight bytes that begin with the displacement of the jump: CC in place of all that follows.
                guest.cpu.r[Cpu.RBX] = Guest.CODE + 7;
                guest.cpu.r[Cpu.RAX] = 0xcccc_cccc_cccc_ccccL;
                region.run(guest.cpu);
                assertEquals(Guest.CODE + 3, guest.cpu.rip);
                assertEquals(1, guest.cpu.retired);
                assertEquals(999, guest.cpu.budget);
                assertFalse(block.valid);
                assertNull(block.region);
            }
        }
    }

    /** The flags of the instruction that stores are killed by the next one, which is not reached. */
    @Test
    void flagsAreExactWhereAStoreLeavesTheRegion() {
        // add [rbx], rax; test eax, eax; jmp to the first
        try (Arena arena = Arena.ofConfined()) {
            for (final TranslatorOptions options : List.of(LOCALS, ARRAY)) {
                final Guest guest = new Guest(arena, options);
                guest.load(code("480103" + "85c0" + "ebf9"));
                final Region region = translated(guest, Guest.CODE);
                guest.cpu.rip = Guest.CODE;
                guest.cpu.budget = 1000;
                guest.cpu.r[Cpu.RBX] = Guest.CODE + 5;
                guest.cpu.r[Cpu.RAX] = guest.mmu.read64(Guest.CODE + 5) * -1;
                region.run(guest.cpu);
                assertEquals(Guest.CODE + 3, guest.cpu.rip);
                // The sum is 0, and carries.
                assertEquals(Flags.CF | Flags.ZF | Flags.PF, guest.cpu.statusFlags() & ~Flags.AF);
            }
        }
    }

    @Test
    void aStoreBesideTheRegionInItsPageDoesNot() {
        try (Arena arena = Arena.ofConfined()) {
            final Guest guest = new Guest(arena, LOCALS);
            guest.load(code(STORE));
            final Region region = translated(guest, Guest.CODE);
            guest.cpu.rip = Guest.CODE;
            guest.cpu.budget = 300;
            guest.cpu.r[Cpu.RBX] = Guest.CODE + 0x800;
            region.run(guest.cpu);
            assertEquals(300, guest.cpu.retired);
            assertTrue(guest.block(Guest.CODE).valid);
        }
    }

    /** A program that rewrites the constant it adds, again and again, in step with the interpreter. */
    @Test
    void selfModifyingLoop() {
        // add eax, imm32; mov [rip - 10], eax (the imm32); dec ecx; jnz to the start; jmp to the start
        final byte[] program = code("0501000000" + "8905f6ffffff" + "ffc9" + "75f1" + "ebef");
        try (Arena arena = Arena.ofConfined()) {
            final LockStep both = new LockStep(arena, LOCALS, new SplittableRandom(1));
            both.load(program);
            both.randomise();
            both.run(2000, 50);
            assertTrue(both.translated.translator.regions() > 100);
        }
    }

    @Test
    void theOldestRegionsMakeRoom() {
        try (Arena arena = Arena.ofConfined()) {
            final Guest guest = new Guest(arena, new TranslatorOptions(false, 250, 0, 4000));
            guest.load(code(COUNT));
            for (int page = 1; page <= 60; page++) {
                guest.ram
                        .asSlice(Guest.CODE + page * 4096L, 5)
                        .copyFrom(java.lang.foreign.MemorySegment.ofArray(code(COUNT)));
            }
            int live = 0;
            for (int page = 1; page <= 60; page++) {
                guest.translator.translate(guest.block(Guest.CODE + page * 4096L));
            }
            for (int page = 1; page <= 60; page++) {
                live += guest.block(Guest.CODE + page * 4096L).region == null ? 0 : 1;
            }
            assertEquals(60, guest.translator.regions());
            assertEquals(60 - live, guest.translator.evicted());
            assertTrue(live > 2 && live < 30, live + " live");
            assertNotNull(guest.block(Guest.CODE + 60 * 4096L).region);
        }
    }

    @Test
    void classesOfDroppedRegionsAreUnloaded() {
        try (Arena arena = Arena.ofConfined()) {
            final Guest guest = new Guest(arena, LOCALS);
            final List<WeakReference<Class<?>>> classes = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                guest.load(code(COUNT));
                classes.add(new WeakReference<>(translated(guest, Guest.CODE).getClass()));
            }
            guest.load(code(STORE));
            guest.translator.forgetDropped();
            for (int i = 0; i < 10 && classes.stream().anyMatch(c -> c.get() != null); i++) {
                System.gc();
            }
            final long left = classes.stream().filter(c -> c.get() != null).count();
            // The last one may still be in a register or a stack slot of this method.
            assertTrue(left <= 1, left + " classes live on");
        }
    }

    @Test
    void runningAllocatesNothing() {
        final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        try (Arena arena = Arena.ofConfined()) {
            final Guest guest = new Guest(arena, LOCALS);
            guest.load(code(STORE));
            final Region region = translated(guest, Guest.CODE);
            guest.cpu.rip = Guest.CODE;
            guest.cpu.r[Cpu.RBX] = Guest.DATA;
            long least = Long.MAX_VALUE;
            for (int window = 0; window < 10; window++) {
                final long before = threads.getCurrentThreadAllocatedBytes();
                for (int i = 0; i < 1000; i++) {
                    guest.cpu.budget = 100;
                    region.run(guest.cpu);
                }
                least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
            }
            assertEquals(0, least);
        }
    }

    @Test
    void warmUpTranslatesAndRuns() {
        WarmUp.run();
    }
}
