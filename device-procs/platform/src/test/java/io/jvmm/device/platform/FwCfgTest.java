package io.jvmm.device.platform;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.MemFd;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The firmware configuration device after QEMU's docs/specs/fw_cfg, as SeaBIOS and Linux use it. */
@Timeout(60)
class FwCfgTest {

    private static final long MEMORY_BYTES = 32 << 20;
    private static final int BASE = 8;
    private static final long REQUEST = 0x1000;
    private static final long TARGET = 0x10_0000;
    private static final byte[] FIRST = "what the first file says".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] SECOND = new byte[10_000];

    static {
        new Random(1).nextBytes(SECOND);
    }

    private final MemFd memFd = MemFd.createSealed("fw-cfg", MEMORY_BYTES);
    private final GuestMemory memory = GuestMemory.map(memFd.fd(), MEMORY_BYTES);
    private final UnsafeBuffer state = new UnsafeBuffer(new byte[BASE + FwCfg.STATE_BYTES]);
    private final RecordedEffects effects = new RecordedEffects();
    private final UnsafeBuffer files = new UnsafeBuffer(packed());
    private FwCfg device = make(files);

    private FwCfg make(UnsafeBuffer packed) {
        FwCfgItems items = new FwCfgItems(5L << 30, 3);
        items.attach(packed, packed.capacity(), null);
        return new FwCfg(state, BASE, items, memory, effects);
    }

    @AfterEach
    void close() {
        memory.close();
        memFd.close();
    }

    /** As the board packs them. */
    private static byte[] packed() {
        ByteBuffer b =
                ByteBuffer.allocate(16 + 2 * 64 + FIRST.length + SECOND.length).order(ByteOrder.LITTLE_ENDIAN);
        b.put("JVMMFWCF".getBytes(StandardCharsets.US_ASCII)).putInt(1).putInt(2);
        int at = 16 + 2 * 64;
        b.put("etc/first".getBytes(StandardCharsets.US_ASCII)).position(16 + 56);
        b.putInt(at).putInt(FIRST.length);
        b.put("opt/org.jvmm/second".getBytes(StandardCharsets.US_ASCII)).position(16 + 64 + 56);
        b.putInt(at + FIRST.length).putInt(SECOND.length);
        b.put(FIRST).put(SECOND);
        return b.array();
    }

    private byte[] item(int key, int length) {
        device.write(FwCfg.SELECTOR, 2, key);
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) device.read(FwCfg.DATA, 1);
        }
        return bytes;
    }

    /** A request at REQUEST; gives what its control field says afterwards. */
    private int dma(int control, int length, long address) {
        memory.put32(REQUEST, Integer.reverseBytes(control));
        memory.put32(REQUEST + 4, Integer.reverseBytes(length));
        memory.put64(REQUEST + 8, Long.reverseBytes(address));
        device.write(FwCfg.DMA_LOW, 4, Integer.toUnsignedLong(Integer.reverseBytes((int) REQUEST)));
        return Integer.reverseBytes(memory.get32(REQUEST, 0));
    }

    private byte[] guest(long address, int length) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = memory.get8(address + i, (byte) 0);
        }
        return bytes;
    }

    @Test
    void itIsThereAndHasDma() {
        assertArrayEquals("QEMU".getBytes(StandardCharsets.US_ASCII), item(0, 4));
        assertArrayEquals(new byte[] {3, 0, 0, 0}, item(1, 4));
        assertEquals(0x554D_4551L, device.read(FwCfg.DMA_HIGH, 4) & 0xFFFF_FFFFL);
        assertEquals(0x4746_4320L, device.read(FwCfg.DMA_LOW, 4) & 0xFFFF_FFFFL);
        assertEquals(0x4746_4320_554D_4551L, device.read(FwCfg.DMA_HIGH, 8));
        assertEquals('C', device.read(FwCfg.DMA_LOW + 1, 1) & 0xFF);
    }

    @Test
    void memoryAndProcessors() {
        assertArrayEquals(new byte[] {0, 0, 0, 0x40, 1, 0, 0, 0}, item(FwCfgItems.RAM_SIZE, 8));
        assertArrayEquals(new byte[] {3, 0, 0}, item(FwCfgItems.NB_CPUS, 3));
        assertArrayEquals(new byte[] {3, 0}, item(FwCfgItems.MAX_CPUS, 2));
    }

    @Test
    void theDirectoryIsBigEndianAndNamesTheFiles() {
        ByteBuffer directory = ByteBuffer.wrap(item(FwCfgItems.FILE_DIR, 4 + 2 * 64 + 4));
        assertEquals(2, directory.getInt());
        assertEquals(FIRST.length, directory.getInt());
        assertEquals(0x20, directory.getShort());
        assertEquals(0, directory.getShort());
        byte[] name = new byte[56];
        directory.get(name);
        assertEquals("etc/first", new String(name, StandardCharsets.US_ASCII).trim());
        assertEquals(SECOND.length, directory.getInt());
        assertEquals(0x21, directory.getShort());
        assertEquals(0, directory.getInt(4 + 2 * 64), "behind it there are zeros");
        assertArrayEquals(FIRST, item(0x20, FIRST.length));
        assertArrayEquals(SECOND, item(0x21, SECOND.length));
    }

    @Test
    void behindAnItemAndInsteadOfOneAreZeros() {
        item(0x20, FIRST.length);
        assertEquals(0, device.read(FwCfg.DATA, 4));
        assertArrayEquals(new byte[8], item(0x22, 8));
        assertArrayEquals(new byte[8], item(0xFFFF, 8));
        assertArrayEquals(new byte[8], item(0x8000, 8));
        assertArrayEquals(FIRST, item(0x4020, FIRST.length), "asking to write makes no other item of it");
    }

    /** An N-byte read is the next N bytes, in their order. */
    @Test
    void wideReadsAreSubstrings() {
        device.write(FwCfg.SELECTOR, 2, 0);
        assertEquals(0x554D_4551L, device.read(FwCfg.DATA, 4));
        device.write(FwCfg.SELECTOR, 2, 0);
        assertEquals(0x4551L, device.read(FwCfg.DATA, 2));
        assertEquals(0x554DL, device.read(FwCfg.DATA, 8));
    }

    @Test
    void otherWidthsAndTheDataRegisterAreNotWritten() {
        device.write(FwCfg.SELECTOR, 2, 0x20);
        device.write(FwCfg.SELECTOR, 1, 0);
        device.write(FwCfg.DATA, 1, 'x');
        device.write(FwCfg.SELECTOR, 4, 0);
        device.write(FwCfg.DMA_LOW, 2, 0);
        device.write(2, 2, 0);
        assertEquals(FIRST[0], device.read(FwCfg.DATA, 1));
        assertEquals(0, device.read(FwCfg.SELECTOR, 2));
        assertEquals(0, effects.guestErrors);
    }

    // ---- DMA

    @Test
    void dmaSelectsAndReads() {
        assertEquals(0, dma(0x21 << 16 | FwCfg.CONTROL_SELECT | FwCfg.CONTROL_READ, SECOND.length, TARGET));
        assertArrayEquals(SECOND, guest(TARGET, SECOND.length));
        assertEquals(0, dma(0x20 << 16 | FwCfg.CONTROL_SELECT, 0, 0));
        assertEquals(0, dma(FwCfg.CONTROL_SKIP, 5, 0));
        memory.fill(TARGET, 100, (byte) 0x55);
        assertEquals(0, dma(FwCfg.CONTROL_READ, 4, TARGET));
        assertEquals("the ", new String(guest(TARGET, 4), StandardCharsets.US_ASCII));
        assertEquals(0x55, memory.get8(TARGET + 4, (byte) 0));
        assertEquals('f', device.read(FwCfg.DATA, 1), "the offset is the same for both ways");
        assertEquals(0, dma(FwCfg.CONTROL_READ, 50, TARGET));
        byte[] rest = guest(TARGET, 50);
        assertEquals("irst file says", new String(rest, 0, 14, StandardCharsets.US_ASCII));
        assertArrayEquals(new byte[36], java.util.Arrays.copyOfRange(rest, 14, 50));
    }

    @Test
    void anAddressIsOneWriteOrTwo() {
        memory.put32(REQUEST, Integer.reverseBytes(FwCfg.CONTROL_SELECT | FwCfg.CONTROL_READ));
        memory.put32(REQUEST + 4, Integer.reverseBytes(4));
        memory.put64(REQUEST + 8, Long.reverseBytes(TARGET));
        device.write(FwCfg.DMA_HIGH, 8, Long.reverseBytes(REQUEST));
        assertEquals("QEMU", new String(guest(TARGET, 4), StandardCharsets.US_ASCII));
        device.write(FwCfg.DMA_HIGH, 4, Integer.toUnsignedLong(Integer.reverseBytes(1)));
        device.write(FwCfg.DMA_LOW, 4, Integer.toUnsignedLong(Integer.reverseBytes((int) REQUEST)));
        assertEquals(1, effects.guestErrors, "4 GiB and something, where there is nothing");
        assertEquals(0, dma(0, 0, 0), "afterwards the upper half is 0 again");
    }

    @Test
    void writingFails() {
        assertEquals(FwCfg.CONTROL_ERROR, dma(0x20 << 16 | FwCfg.CONTROL_SELECT | FwCfg.CONTROL_WRITE, 4, TARGET));
        assertArrayEquals(FIRST, item(0x20, FIRST.length));
        assertEquals(
                0, dma(FwCfg.CONTROL_SELECT | FwCfg.CONTROL_READ | FwCfg.CONTROL_WRITE, 4, TARGET), "reading first");
    }

    @Test
    void requestsThatCannotBeAreRefused() {
        int read = 0x21 << 16 | FwCfg.CONTROL_SELECT | FwCfg.CONTROL_READ;
        assertEquals(FwCfg.CONTROL_ERROR, dma(read, 16, MEMORY_BYTES - 15));
        assertEquals(FwCfg.CONTROL_ERROR, dma(read, -1, 0));
        assertEquals(FwCfg.CONTROL_ERROR, dma(read, Integer.MIN_VALUE, TARGET));
        assertEquals(FwCfg.CONTROL_ERROR, dma(read, 1, -1));
        assertEquals(FwCfg.CONTROL_ERROR, dma(read, FwCfg.MOST_DMA_BYTES + 1, TARGET));
        assertEquals(0, dma(read, FwCfg.MOST_DMA_BYTES, TARGET));
        assertEquals(0, dma(read, 0, -1), "nothing goes anywhere");
        assertEquals(0, dma(FwCfg.CONTROL_SKIP, -1, 0));
        assertEquals(0, device.read(FwCfg.DATA, 8));
        assertEquals(5, effects.guestErrors);
        device.write(FwCfg.DMA_HIGH, 8, -1L);
        device.write(FwCfg.DMA_LOW, 4, Integer.toUnsignedLong(Integer.reverseBytes((int) MEMORY_BYTES - 8)));
        assertEquals(7, effects.guestErrors);
    }

    /** The request lies in what it asks to be overwritten: the answer is what is there afterwards. */
    @Test
    void aRequestThatOverwritesItself() {
        assertEquals(0, dma(0x21 << 16 | FwCfg.CONTROL_SELECT | FwCfg.CONTROL_READ, 64, REQUEST - 8));
        assertEquals(SECOND[12], memory.get8(REQUEST + 4, (byte) 0));
    }

    // ---- the board is not trusted

    @Test
    void filesThatLieAreNotThere() {
        for (int at : new int[] {0, 8, 16 + 56 + 3, 16 + 60 + 3}) {
            UnsafeBuffer lie = new UnsafeBuffer(packed());
            lie.putByte(at, (byte) 0x7F);
            device = make(lie);
            assertArrayEquals(new byte[4], item(FwCfgItems.FILE_DIR, 4), "byte " + at);
            assertArrayEquals(new byte[4], item(0x20, 4));
        }
        UnsafeBuffer many = new UnsafeBuffer(packed());
        many.putInt(12, Integer.MAX_VALUE, ByteOrder.LITTLE_ENDIAN);
        device = make(many);
        assertTrue(item(FwCfgItems.FILE_DIR, 4)[3] <= FwCfgItems.MAX_FILES);
        for (int length : new int[] {0, 15, 16, 79}) {
            device = make(new UnsafeBuffer(packed(), 0, length));
            assertArrayEquals(new byte[4], item(FwCfgItems.FILE_DIR, 4), "length " + length);
        }
    }

    @Test
    void aNameWithoutAnEndGetsOne() {
        UnsafeBuffer endless = new UnsafeBuffer(packed());
        endless.setMemory(16, 56, (byte) 'x');
        device = make(endless);
        assertEquals(0, item(FwCfgItems.FILE_DIR, 68)[67]);
    }

    /** As in QEMU, whose machine would not start; here the table ends before the second. */
    @Test
    void aNameThatIsMissingOrTakenEndsTheTable() {
        UnsafeBuffer nameless = new UnsafeBuffer(packed());
        nameless.putByte(16 + 64, (byte) 0);
        device = make(nameless);
        assertEquals(1, item(FwCfgItems.FILE_DIR, 4)[3]);
        UnsafeBuffer twins = new UnsafeBuffer(packed());
        twins.setMemory(16, 56, (byte) 'x');
        twins.setMemory(16 + 64, 55, (byte) 'x');
        device = make(twins);
        assertEquals(1, item(FwCfgItems.FILE_DIR, 4)[3], "they differ where the zero comes");
        twins.putByte(16 + 64 + 54, (byte) 0);
        device = make(twins);
        assertEquals(2, item(FwCfgItems.FILE_DIR, 4)[3], "one letter less is another name");
        twins.putByte(16 + 1, (byte) 0);
        twins.putByte(16 + 64 + 1, (byte) 0);
        twins.putByte(16 + 64 + 2, (byte) 'y');
        device = make(twins);
        assertEquals(1, item(FwCfgItems.FILE_DIR, 4)[3], "nothing behind the zero counts");
    }

    /** A board's files in the place of another's: nothing of those is left. */
    @Test
    void otherFilesLeaveNothingOfTheFirst() {
        FwCfgItems items = new FwCfgItems(5L << 30, 3);
        items.attach(files, files.capacity(), null);
        assertEquals(4 + 2 * 64, items.length(FwCfgItems.FILE_DIR));
        items.attach(new UnsafeBuffer(new byte[0]), 0, null);
        assertEquals(4, items.length(FwCfgItems.FILE_DIR));
        UnsafeBuffer count = new UnsafeBuffer(new byte[4]);
        items.copy(FwCfgItems.FILE_DIR, 0, count, 0, 4);
        assertEquals(0, count.getInt(0));
    }

    /** Places and lengths count as they were when firmware first asked; contents as they are. */
    @Test
    void filesThatChangeAfterwards() {
        item(0x20, 1);
        files.putInt(16 + 60, Integer.MAX_VALUE, ByteOrder.LITTLE_ENDIAN);
        files.putByte(16 + 128, (byte) 'W');
        byte[] now = item(0x20, 100);
        assertEquals('W', now[0]);
        assertEquals(0, now[FIRST.length]);
    }

    // ---- state

    @Test
    void anotherProcessGoesOn() {
        item(0x20, 5);
        device.write(FwCfg.DMA_HIGH, 4, Integer.toUnsignedLong(Integer.reverseBytes(7)));
        device = make(new UnsafeBuffer(packed()));
        assertEquals('t', device.read(FwCfg.DATA, 1));
        assertTrue(FwCfg.isSane(state, BASE));
        device.reset();
        assertEquals('Q', device.read(FwCfg.DATA, 1));
    }

    @Test
    void noStateHurts() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        int sane = 0;
        for (int i = 0; i < 20_000; i++) {
            for (int at = 0; at < FwCfg.STATE_BYTES; at++) {
                boolean zero = at == 2 || at == 3 || at >= 12;
                state.putByte(BASE + at, (byte) (zero && random.nextInt(50) > 0 ? 0 : random.nextInt()));
            }
            if (!FwCfg.isSane(state, BASE)) {
                continue;
            }
            sane++;
            device.read(FwCfg.DATA, 8);
            device.write(random.nextInt(12), 1 << random.nextInt(4), random.nextLong());
            dma(random.nextInt(0x40) << 16 | random.nextInt(32), random.nextInt(5000), random.nextLong() & 0x1FF_FFFF);
            assertTrue(FwCfg.isSane(state, BASE));
        }
        assertFalse(sane < 1000, sane + " sane");
    }

    @Test
    void noAllocation() {
        Allocations.assertNone("a file by both ways", () -> {
            device.write(FwCfg.SELECTOR, 2, 0x20);
            device.read(FwCfg.DATA, 8);
            device.write(FwCfg.DMA_LOW, 4, Integer.toUnsignedLong(Integer.reverseBytes((int) REQUEST)));
        });
    }
}
