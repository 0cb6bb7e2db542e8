package io.jvmm.vcpu.boot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.vcpu.engine.BootState;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Linux Documentation/arch/x86/boot.rst. */
class BzImageLoaderTest {
    private static final byte[] VMLINUX = Images.vmlinux(300_000);

    @ParameterizedTest
    @EnumSource(
            value = PayloadFormat.class,
            names = {"ELF", "GZIP", "XZ", "LZ4", "ZSTD"})
    void unpacksEveryPayloadTheKernelBuildMakes(PayloadFormat format) throws BootException {
        final Machine m = new Machine(64);
        final BootPlan plan =
                m.boot(Images.image("vmlinuz", Images.bzImage(Images.packed(format, VMLINUX))), null, "console=ttyS0");

        assertEquals(BootState.Mode.LONG_64, plan.state().mode());
        assertEquals(0x100_0000, plan.state().rip(), plan.format(""));
        assertArrayEquals(Images.pattern(300_000, 1), m.bytes(0x100_0000, 300_000));
        assertArrayEquals(Images.pattern(5000, 2), m.bytes(0x120_0000, 5000));
        assertTrue(plan.format().contains("6.1.0-test"), plan.format());
        assertEquals("console=ttyS0", m.string(m.u32(BootLayout.ZERO_PAGE + 0x228)));
    }

    @Test
    void severalLz4Blocks() throws BootException {
        final byte[] big = Images.vmlinux(17 << 20);
        // moves the second segment out of the way of the longer first one
        ByteBuffer.wrap(big).order(java.nio.ByteOrder.LITTLE_ENDIAN).putLong(64 + 56 + 24, 0x300_0000);
        final Machine m = new Machine(96);
        m.boot(Images.image("vmlinuz", Images.bzImage(Images.packed(PayloadFormat.LZ4, big))), null, "");
        assertArrayEquals(Images.pattern(17 << 20, 1), m.bytes(0x100_0000, 17 << 20));
    }

    @Test
    void zeroPageHoldsHeaderMapAndInitrd() throws BootException {
        final Machine m = new Machine(64);
        final byte[] initrd = Images.pattern(123_457, 9);
        final byte[] bz = Images.bzImage(Images.packed(PayloadFormat.LZ4, VMLINUX));
        Images.le(bz).put(0x211, (byte) 0x83).putLong(0x250, 0x1234); // KASLR, CAN_USE_HEAP, a bogus setup_data
        m.boot(Images.image("vmlinuz", bz), Images.image("initrd", initrd), "quiet");

        final long zp = BootLayout.ZERO_PAGE;
        assertEquals(0x5372_6448, m.u32(zp + 0x202));
        assertEquals(0x020F, m.u16(zp + 0x206));
        assertEquals(0xFF, m.u8(zp + 0x210));
        assertEquals(0x01, m.u8(zp + 0x211));
        assertEquals(0, m.u64(zp + 0x250), "setup_data");
        assertEquals(0, m.u8(zp + 0x1EF), "sentinel");
        assertEquals(0xE0000, m.u64(zp + 0x70), "acpi_rsdp_addr");
        final int start = m.u32(zp + 0x218);
        assertEquals(initrd.length, m.u32(zp + 0x21C));
        assertEquals((64 << 20) - ((initrd.length + 4095) & -4096), start, "as high as RAM allows, page-aligned");
        assertArrayEquals(initrd, m.bytes(start, initrd.length));
        assertEquals(5, m.u8(zp + 0x1E8));
        assertEquals(0, m.u64(zp + 0x2D0));
        assertEquals(0x9_FC00, m.u64(zp + 0x2D8));
        assertEquals(1, m.u32(zp + 0x2E0));
        assertEquals(0x10_0000, m.u64(zp + 0x2D0 + 60));
        assertEquals((64L << 20) - 0x10_0000, m.u64(zp + 0x2D8 + 60));
    }

    @Test
    void initrdStaysBelowInitrdAddrMax() throws BootException {
        final Machine m = new Machine(128);
        final byte[] bz = Images.bzImage(Images.packed(PayloadFormat.LZ4, VMLINUX));
        Images.le(bz).putInt(0x22C, 0x3FF_FFFF);
        m.boot(Images.image("vmlinuz", bz), Images.image("initrd", new byte[4096]), "");
        assertEquals(0x3FF_F000, m.u32(BootLayout.ZERO_PAGE + 0x218));
    }

    @Test
    void gdtAndPageTablesAreThoseOfThe64BitProtocol() throws BootException {
        final Machine m = new Machine(64);
        final BootPlan plan =
                m.boot(Images.image("vmlinuz", Images.bzImage(Images.packed(PayloadFormat.GZIP, VMLINUX))), null, "");
        final BootState s = plan.state();
        assertEquals(BootLayout.ZERO_PAGE, s.rsi());
        assertEquals(0x00AF_9B00_0000_FFFFL, m.u64(s.gdtBase() + BootState.CODE_SELECTOR));
        assertEquals(0x00CF_9300_0000_FFFFL, m.u64(s.gdtBase() + BootState.DATA_SELECTOR));
        assertEquals(39, s.gdtLimit());
        for (final long address : new long[] {0, 0x1234_5678L, 0xFFFF_FFFFL, 0xC000_0000L}) {
            final long pml4e = m.u64(s.cr3() + ((address >>> 39) & 511) * 8);
            final long pdpte = m.u64((pml4e & -4096L) + ((address >>> 30) & 511) * 8);
            final long pde = m.u64((pdpte & -4096L) + ((address >>> 21) & 511) * 8);
            assertEquals(0x83, pde & 0xFFF);
            assertEquals(address, (pde & -0x20_0000L) + (address & 0x1F_FFFF));
        }
    }

    @Test
    void aPayloadOfAnotherKindIsLeftToTheDecompressor() throws BootException {
        final Machine m = new Machine(64);
        final byte[] bz = Images.bzImage(Images.packed(PayloadFormat.BZIP2, VMLINUX));
        final BootPlan plan = m.boot(Images.image("vmlinuz", bz), null, "");
        assertEquals(0x100_0200, plan.state().rip());
        assertArrayEquals(Arrays.copyOfRange(bz, 1536, bz.length), m.bytes(0x100_0000, bz.length - 1536));
        assertEquals(0x100_0000, m.u32(BootLayout.ZERO_PAGE + 0x214));
    }

    @Test
    void wrongImagesSayWhatIsWrong() {
        final byte[] good = Images.bzImage(Images.packed(PayloadFormat.LZ4, VMLINUX));
        assertFails(BootException.Unsupported.class, edit(good, 0x206, 2, 0x0204), "version = 0x204");
        assertFails(BootException.Unsupported.class, edit(good, 0x236, 2, 0), "XLF_KERNEL_64");
        assertFails(BootException.Unsupported.class, edit(good, 0x211, 1, 0), "LOADED_HIGH");
        assertFails(BootException.Malformed.class, edit(good, 0x1FE, 2, 0), "boot_flag");
        assertFails(BootException.Malformed.class, edit(good, 0x201, 1, 0x10), "jump");
        assertFails(BootException.Malformed.class, edit(good, 0x201, 1, 0xFF), "jump");
        assertFails(BootException.Malformed.class, edit(good, 0x1F4, 4, 0x7FFF_FFFF), "syssize");
        assertFails(BootException.Malformed.class, edit(good, 0x248, 4, 0xFFFF_FFFF), "payload_offset");
        assertFails(BootException.Malformed.class, edit(good, 0x24C, 4, 0xFFFF_FFFF), "payload_length");
        assertFails(BootException.Malformed.class, Arrays.copyOf(good, good.length - 64), "syssize");
        assertFails(BootException.Malformed.class, Arrays.copyOf(good, 0x240), "syssize");
        final int size = payloadEnd(good) - 4;
        assertFails(BootException.DoesNotFit.class, edit(good, size, 4, 0x7FFF_FFFF), "unpacked size");
        assertFails(BootException.Malformed.class, edit(good, size, 4, VMLINUX.length + 1), "were promised");
        assertFails(BootException.Malformed.class, edit(good, size, 4, VMLINUX.length - 1), "LZ4 payload");
    }

    /** Size promises are the only thing that output memory is taken for: a bomb is cut off at the promise. */
    @ParameterizedTest
    @EnumSource(
            value = PayloadFormat.class,
            names = {"GZIP", "XZ", "LZ4", "ZSTD"})
    void aDecompressionBombIsBounded(PayloadFormat format) {
        final byte[] bomb = Images.packed(format, Arrays.copyOf(VMLINUX, 24 << 20));
        Images.le(bomb).putInt(bomb.length - 4, 1 << 20);
        assertFails(BootException.Malformed.class, Images.bzImage(bomb), format.label() + " payload");
    }

    @Test
    void commandLineLongerThanTheKernelTakes() {
        final byte[] good = Images.bzImage(Images.packed(PayloadFormat.LZ4, VMLINUX));
        final BootException e = assertThrows(
                BootException.DoesNotFit.class,
                () -> new Machine(64).boot(Images.image("vmlinuz", good), null, "x".repeat(2048)));
        assertTrue(e.getMessage().contains("at most 2047"), e.getMessage());
    }

    @Test
    void anInitrdLargerThanMemory() {
        final byte[] good = Images.bzImage(Images.packed(PayloadFormat.LZ4, VMLINUX));
        final BootException e = assertThrows(
                BootException.DoesNotFit.class,
                () -> new Machine(32)
                        .boot(Images.image("vmlinuz", good), Images.image("big.cpio", new byte[31 << 20]), ""));
        assertTrue(e.getMessage().startsWith("big.cpio: size = "), e.getMessage());
    }

    @Test
    void tooLittleMemoryForTheKernel() {
        final byte[] good = Images.bzImage(Images.packed(PayloadFormat.LZ4, VMLINUX));
        assertFails(BootException.DoesNotFit.class, good, "usable RAM", 16);
    }

    private static byte[] edit(byte[] image, int at, int width, long value) {
        final byte[] copy = image.clone();
        for (int i = 0; i < width; i++) {
            copy[at + i] = (byte) (value >>> (i * 8));
        }
        return copy;
    }

    private static int payloadEnd(byte[] bz) {
        return 1536 + Images.le(bz).getInt(0x248) + Images.le(bz).getInt(0x24C);
    }

    private static void assertFails(Class<? extends BootException> kind, byte[] image, String part) {
        assertFails(kind, image, part, 64);
    }

    private static void assertFails(Class<? extends BootException> kind, byte[] image, String part, int megabytes) {
        final BootException e = assertThrows(
                BootException.class, () -> new Machine(megabytes).boot(Images.image("vmlinuz", image), null, ""));
        assertEquals(kind, e.getClass(), e.getMessage());
        assertTrue(e.getMessage().contains(part), e.getMessage());
        assertTrue(e.getMessage().startsWith("vmlinuz"), e.getMessage());
        assertEquals(1, e.getMessage().lines().count());
    }
}
