package io.jvmm.vcpu.boot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.vcpu.engine.BootState;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** System V gABI; PVH start info of Xen; boot.rst for the rest. */
class ElfLoaderTest {
    private static final byte[] CODE = Images.pattern(3000, 5);

    @Test
    void linuxIsEnteredInLongModeThoughItOffersPvh() throws BootException {
        final Machine m = new Machine(64);
        final BootPlan plan = m.boot(Images.image("vmlinux", Images.vmlinux(10_000)), null, "a b");
        assertEquals(BootState.Mode.LONG_64, plan.state().mode());
        assertEquals(0x100_0000, plan.state().rip());
        assertArrayEquals(Images.pattern(10_000, 1), m.bytes(0x100_0000, 10_000));
        assertEquals(0x5372_6448, m.u32(BootLayout.ZERO_PAGE + 0x202));
        assertEquals(0xFF, m.u8(BootLayout.ZERO_PAGE + 0x210));
        assertTrue(plan.format().contains("Linux ELF64"), plan.format());
        assertTrue(plan.format("  ").contains("kernel segment 1"), plan.format("  "));
    }

    @Test
    void linuxByPvhWhenAskedFor() throws BootException {
        final Machine m = new Machine(64);
        final BootPlan plan = m.boot(
                Images.image("vmlinux", Images.vmlinux(10_000)),
                Images.image("initrd", CODE),
                "root=x",
                BootRequest.Protocol.PVH);
        final BootState s = plan.state();
        assertEquals(BootState.Mode.PROTECTED_32, s.mode());
        assertEquals(0x100_0100, s.rip());
        final long info = s.rbx();
        assertEquals(0x336e_c578, m.u32(info));
        assertEquals(1, m.u32(info + 4));
        assertEquals(1, m.u32(info + 0xC));
        assertEquals("root=x", m.string(m.u64(info + 0x18)));
        assertEquals(0xE0000, m.u64(info + 0x20));
        final long module = m.u64(info + 0x10);
        assertArrayEquals(CODE, m.bytes(m.u64(module), (int) m.u64(module + 8)));
        assertEquals(5, m.u32(info + 0x30));
        final long map = m.u64(info + 0x28);
        assertEquals(0x10_0000, m.u64(map + 72));
        assertEquals((64L << 20) - 0x10_0000, m.u64(map + 80));
        assertEquals(1, m.u32(map + 88));
        assertEquals(0x00CF_9B00_0000_FFFFL, m.u64(s.gdtBase() + 0x10));
    }

    @Test
    void a32BitKernelWithPvhNote() throws BootException {
        final Machine m = new Machine(16);
        final byte[] elf = new Images.Elf(false)
                .entry(0x10_0000)
                .load(0x10_0000, CODE, 5000)
                .pvh(0x10_0010)
                .build();
        final BootPlan plan = m.boot(Images.image("kernel", elf), null, "");
        assertEquals(BootState.Mode.PROTECTED_32, plan.state().mode());
        assertEquals(0x10_0010, plan.state().rip());
        assertArrayEquals(CODE, m.bytes(0x10_0000, CODE.length));
    }

    @Test
    void aSmallGuestOfOnesOwn() throws BootException {
        final Machine m = new Machine(4);
        final byte[] elf = new Images.Elf(true)
                .entry(0x10_0040)
                .load(0x10_0000, CODE, 8192)
                .build();
        final BootPlan plan = m.boot(Images.image("guest.elf", elf), null, "");
        assertEquals(0x10_0040, plan.state().rip());
        assertEquals(BootLayout.ZERO_PAGE, plan.state().rsi());
        assertEquals(BootLayout.STACK_TOP, plan.state().rsp());
    }

    @Test
    void aVirtualEntryIsTranslated() throws BootException {
        final byte[] elf = new Images.Elf(true)
                .entry(0xFFFF_FFFF_8000_0020L)
                .load(0x20_0000, 0xFFFF_FFFF_8000_0000L, CODE, 4096)
                .build();
        assertEquals(
                0x20_0020,
                new Machine(4).boot(Images.image("k", elf), null, "").state().rip());
    }

    @Test
    void aBootSectorStartsInRealMode() throws BootException {
        final byte[] sector = Arrays.copyOf(CODE, 512);
        sector[510] = 0x55;
        sector[511] = (byte) 0xAA;
        final Machine m = new Machine(2);
        final BootPlan plan = m.boot(Images.image("boot.bin", sector), null, "");
        assertEquals(BootState.Mode.REAL_16, plan.state().mode());
        assertEquals(0x7C00, plan.state().rip());
        assertArrayEquals(sector, m.bytes(0x7C00, 512));
    }

    @Test
    void wrongFilesSayWhatIsWrong() {
        assertFails(new byte[0], "size = 0");
        assertFails("#!/bin/sh\necho".getBytes(java.nio.charset.StandardCharsets.US_ASCII), "magic = 0x23212f62");
        assertFails(Images.packed(PayloadFormat.GZIP, CODE), "gunzip");
        assertFails(Images.packed(PayloadFormat.XZ, CODE), "unxz");
        final byte[] mz = new byte[4096];
        mz[0] = 'M';
        mz[1] = 'Z';
        assertFails(mz, "EFI");
        final byte[] sector = new byte[700 << 10];
        sector[510] = 0x55;
        sector[511] = (byte) 0xAA;
        assertFails(sector, "usable RAM");
    }

    @Test
    void wrongHeadersSayWhatIsWrong() {
        final byte[] good = Images.vmlinux(1000);
        assertFails(Arrays.copyOf(good, 50), "missing");
        assertFails(Arrays.copyOf(good, 100), "program headers offset");
        assertFails(Arrays.copyOf(good, 800), "p_offset");
        assertFails(edit(good, 4, 1, 9), "EI_CLASS");
        assertFails(edit(good, 5, 1, 2), "EI_DATA");
        assertFails(edit(good, 16, 2, 3), "e_type");
        assertFails(edit(good, 18, 2, 183), "e_machine");
        assertFails(edit(good, 32, 8, -1), "program headers offset");
        assertFails(edit(good, 54, 2, 57), "e_phentsize");
        assertFails(edit(good, 56, 2, 0), "e_phnum");
        assertFails(edit(good, 56, 2, 65_535), "e_phnum");
        assertFails(edit(good, 24, 8, 0x10), "e_entry");
        assertFails(edit(good, 64 + 8, 8, Long.MAX_VALUE), "p_offset");
        assertFails(edit(good, 64 + 32, 8, -1), "p_offset");
        assertFails(edit(good, 64 + 40, 8, 10), "p_memsz");
        assertFails(edit(good, 64 + 40, 8, Long.MIN_VALUE), "p_memsz");
        assertFails(edit(good, 64 + 24, 8, 0x7000), "overlaps boot_params");
        assertFails(edit(good, 64 + 24, 8, 0xFFFF_FFFF_FFFF_F000L), "usable RAM");
        assertFails(edit(good, 64 + 24, 8, 0xF_FF00), "usable RAM");
        assertFails(edit(good, 64 + 24, 8, 0x120_0010), "overlaps kernel segment 0");
    }

    @Test
    void hostileNotes() {
        final byte[] long1 = new Images.Elf(true)
                .entry(0x10_0000)
                .load(0x10_0000, CODE, 4096)
                .note("Xen", 18, new byte[4])
                .build();
        final byte[] bad = edit(long1, long1.length - 20 + 4, 4, 0xFFFF_FFF0L);
        assertFails(bad, "note at");
        assertFails(
                new Images.Elf(false)
                        .entry(0x10_0000)
                        .load(0x10_0000, CODE, 4096)
                        .build(),
                "PHYS32_ENTRY");
        assertFails(
                new Images.Elf(false)
                        .entry(0x10_0000)
                        .load(0x10_0000, CODE, 4096)
                        .pvh(0x20_0000)
                        .build(),
                "PHYS32_ENTRY note = 0x200000");
    }

    @Test
    void aCommandLineWithNul() {
        final BootException e = assertThrows(
                BootException.class, () -> new Machine(64).boot(Images.image("k", Images.vmlinux(100)), null, "a\0b"));
        assertTrue(e.getMessage().contains("NUL"), e.getMessage());
    }

    @Test
    void namesAreEscaped() {
        final BootException e = assertThrows(
                BootException.class, () -> new Machine(4).boot(Images.image("a\nb\u001b[0m", new byte[0]), null, ""));
        assertTrue(e.getMessage().startsWith("a\\x0ab\\x1b[0m: "), e.getMessage());
    }

    private static byte[] edit(byte[] image, int at, int width, long value) {
        final byte[] copy = image.clone();
        for (int i = 0; i < width; i++) {
            copy[at + i] = (byte) (value >>> (i * 8));
        }
        return copy;
    }

    private static void assertFails(byte[] image, String part) {
        final BootException e =
                assertThrows(BootException.class, () -> new Machine(64).boot(Images.image("vmlinux", image), null, ""));
        assertTrue(e.getMessage().contains(part), e.getMessage());
        assertTrue(e.getMessage().startsWith("vmlinux: "), e.getMessage());
        assertEquals(1, e.getMessage().lines().count());
    }
}
