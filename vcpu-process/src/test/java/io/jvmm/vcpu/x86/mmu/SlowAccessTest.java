package io.jvmm.vcpu.x86.mmu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Accesses to devices, across pages, to what may only be read, and to what is watched. */
final class SlowAccessTest {
    private static final long LEAF = MmuRig.P | MmuRig.W | MmuRig.U;
    /** Linear page of the device; the page before is RAM. */
    private static final long DEVICE = 0x8000;

    private final MmuRig rig = new MmuRig();

    SlowAccessTest() {
        rig.longMode(0, 0, 0);
        rig.put(MmuRig.pte(0x5000), 0x10_0000 | LEAF);
        rig.put(MmuRig.pte(0x6000), 0x20_0000 | LEAF);
        rig.put(MmuRig.pte(0x7000), 0x10_0000 | LEAF);
        rig.put(MmuRig.pte(0x8000), MmuRig.DEVICE | LEAF);
        rig.put(MmuRig.pte(0x9000), MmuRig.ROM | LEAF);
    }

    @Test
    void alignedAccessesReachTheDeviceWhole() {
        for (int width = 1; width <= 8; width *= 2) {
            rig.mmu.read(DEVICE + 8, width);
            rig.mmu.write(DEVICE + 8, width, -1);
        }
        assertEquals(
                "[r1 fe000008, w1 fe000008=ff, r2 fe000008, w2 fe000008=ffff, r4 fe000008, w4 fe000008=ffffffff,"
                        + " r8 fe000008, w8 fe000008=ffffffffffffffff]",
                rig.log.toString());
    }

    @Test
    void othersAreSplit() {
        assertEquals(0x0807_0605_0403_0201L, rig.mmu.read64(DEVICE + 1));
        assertEquals("[r1 fe000001, r2 fe000002, r4 fe000004, r1 fe000008]", rig.log.toString());
        rig.log.clear();
        rig.mmu.write32(DEVICE + 6, 0x1122_3344);
        assertEquals("[w2 fe000006=3344, w2 fe000008=1122]", rig.log.toString());
    }

    @Test
    void acrossPages() {
        rig.mmu.write64(0x5ffd, 0x0807_0605_0403_0201L);
        assertEquals(0x03_0201, rig.get(0x10_0ff8) >>> 40);
        assertEquals(0x08_0706_0504L, rig.get(0x20_0000));
        assertEquals(0x0807_0605_0403_0201L, rig.mmu.read64(0x5ffd));
        assertEquals(0x0403, rig.mmu.read16(0x5fff));
        // RAM before a device: the device is asked first, since it may throw.
        rig.mmu.write32(0x7ffe, 0x1122_3344);
        assertEquals("[w2 fe000000=1122]", rig.log.toString());
        assertEquals(0x0100_3344, (int) rig.mmu.read(0x7ffe, 4));
    }

    @Test
    void readOnlyMemoryIsADeviceToWrites() {
        rig.rom.set(ValueLayout.JAVA_LONG, 0, 99);
        assertEquals(99, rig.mmu.read64(0x9000));
        rig.mmu.write16(0x9000, 7);
        assertEquals("[w2 f00000000=7]", rig.log.toString());
        assertEquals(0, rig.mmu.hostForWrite(0x9000, 8));
        assertEquals(99, rig.mmu.compareAndExchange(0x9000, 8, 99, 1));
        assertEquals("w8 f00000000=1", rig.log.getLast());
    }

    @Test
    void exchangeWithADevice() {
        assertEquals(0x0100, rig.mmu.compareAndExchange(DEVICE, 2, 0x0100, 5));
        assertEquals(0x0100, rig.mmu.compareAndExchange(DEVICE, 2, 7, 5));
        assertEquals("[r2 fe000000, w2 fe000000=5, r2 fe000000, w2 fe000000=100]", rig.log.toString());
    }

    @Test
    void hostAddresses() {
        final long host = rig.mmu.hostForWrite(0x5010, 16);
        HostMemory.put64(host, 3);
        assertEquals(3, rig.mmu.read64(0x5010));
        assertEquals(host, rig.mmu.hostForRead(0x5010, 16));
        assertEquals(0, rig.mmu.hostForRead(0x5ff8, 16), "crosses");
        assertEquals(0, rig.mmu.hostForRead(DEVICE, 16));
        assertEquals(0, rig.mmu.hostForWrite(DEVICE, 16));
    }

    @Test
    void watchedPagesAreReported() {
        final List<String> seen = new ArrayList<>();
        rig.mmu.read8(0x5000);
        rig.mmu.setWatch(new AccessWatch() {
            @Override
            public boolean isPageWatched(long linear) {
                return linear >>> 12 == 5;
            }

            @Override
            public void accessed(long linear, int lengthBytes, boolean write) {
                seen.add(String.format("%x+%d%s", linear, lengthBytes, write ? "w" : "r"));
            }
        });
        rig.mmu.flushAll();
        for (int i = 0; i < 2; i++) {
            rig.mmu.read32(0x5004);
            rig.mmu.write64(0x5ffe, 0);
            rig.mmu.write8(0x6000, 0);
            assertEquals(0, rig.mmu.hostForRead(0x5000, 8));
            rig.mmu.compareAndExchange(0x5008, 8, 0, 0);
        }
        assertEquals("[5004+4r, 5ffe+2w, 5008+8w, 5004+4r, 5ffe+2w, 5008+8w]", seen.toString());
        rig.mmu.setWatch(null);
        rig.mmu.flushAll();
        rig.mmu.read32(0x5004);
        assertEquals(6, seen.size());
    }
}
