package io.jvmm.device.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** The bus around the cores: widths, edges of regions, reset register, debug console, CMOS contents, allocation. */
class PlatformCoreTest {
    private final Machine m = new Machine(0);

    @Test
    void wideAccessesToBytePortsAreSplitLowestAddressFirst() {
        m.write(0x70, 2, 0x5A40);
        assertEquals(0x5A, m.cmos(0x40), "16-bit write: index, then data");
        m.out(0x70, 0x40);
        assertEquals(0x5AFF, m.read(0x70, 2), "16-bit read: write-only index floats, then data");
    }

    @Test
    void bytesOutsideARegionReadAllOnesAndSwallowWrites() {
        m.out(0x60, 0xEE);
        assertEquals(0xFFFF_FFEEL, m.read(0x60, 4));
        assertEquals(0xFF14, m.read(0x64, 2));
        m.write(0xCF9, 4, 0xFFFF_FF02L);
        assertEquals(0x02, m.in(0xCF9));
        long now = m.now;
        assertEquals(0xFF, m.device.read(PlatformIdentity.REGION_RTC, 2, 1, now));
        assertEquals(0xFF, m.device.read(PlatformIdentity.REGION_RTC, -1, 1, now));
        assertEquals(0xFFFF_FFFFL, m.device.read(PlatformIdentity.REGION_ACPI_PM, 0x40, 4, now));
        assertEquals(0xFF, m.device.read(PlatformIdentity.REGION_RTC, Integer.MAX_VALUE, 1, now));
        m.device.write(PlatformIdentity.REGION_RTC, 0x7FFF_FFFF, 8, -1, now);
        assertEquals(-1L, m.device.read(8, 0, 8, now));
        assertEquals(-1L, m.device.read(-1, 0, 1, now));
        m.device.write(8, 0, 1, 0, now);
        assertEquals(3, m.effects.guestErrors);
    }

    @Test
    void withoutFirmwareNothingIsAtItsConfigurationDevice() {
        Machine m = new Machine(0);
        assertEquals(-1L, m.device.read(PlatformIdentity.REGION_FW_CFG, FwCfg.DATA, 1, m.now));
        m.device.write(PlatformIdentity.REGION_FW_CFG, FwCfg.SELECTOR, 2, 0, m.now);
        assertEquals(0, m.effects.guestErrors);
    }

    @Test
    void resetControlResetsWhenBit2GoesFrom0To1() {
        // Linux, BOOT_CF9_FORCE: the type first, then the type and the trigger.
        m.out(0xCF9, 0x02);
        assertEquals(List.of(), m.effects.take());
        assertEquals(0x02, m.in(0xCF9));
        m.out(0xCF9, 0x06);
        assertEquals(List.of("RESET CF9"), m.effects.take());
        m.out(0xCF9, 0x06);
        assertEquals(List.of(), m.effects.take(), "no new edge");
        m.out(0xCF9, 0x00);
        m.out(0xCF9, 0x0E);
        assertEquals(List.of("RESET CF9"), m.effects.take());
        m.device.reset(m.now);
        assertEquals(0, m.in(0xCF9));
    }

    @Test
    void acpiResetRegisterWritesValue06AtOnce() {
        m.out(0xCF9, 0x06);
        assertEquals(List.of("RESET CF9"), m.effects.take());
    }

    @Test
    void debugConsoleSaysE9AndPassesBytesOnInOrder() {
        assertEquals(0xE9, m.in(0xE9));
        assertEquals(0xE9, m.in(0x402));
        for (char c : "hello".toCharArray()) {
            m.out(c == 'e' ? 0xE9 : 0x402, c);
        }
        assertEquals("hel", host(3));
        assertEquals("lo", host(64));
        assertEquals("", host(64));
    }

    @Test
    void debugConsoleDropsAndCountsWhatNobodyTakes() {
        for (int i = 0; i < 300; i++) {
            m.out(0xE9, 'a' + i % 26);
        }
        assertEquals(300 - 256, m.state.getInt(PlatformStateLayout.DEBUG_DROPPED));
        assertEquals("abc", host(3));
        m.out(0xE9, '!');
        String rest = host(1000);
        assertEquals(254, rest.length());
        assertTrue(rest.endsWith("!"));
    }

    @Test
    void debugConsoleSwitchedOffIsNotThere() {
        PlatformConfig config = new PlatformConfig(PlatformConfig.RtcStart.UTC, 0, 0, false, 0, 1, false);
        PlatformCore device = new PlatformCore(config, m.state, m.effects);
        assertEquals(0xFF, device.read(PlatformIdentity.REGION_DEBUG_E9, 0, 1, m.now));
        device.write(PlatformIdentity.REGION_DEBUG_402, 0, 1, 'x', m.now);
        assertEquals("", host(10));
    }

    @Test
    void cmosDescribesMemoryAndProcessorsAsSeaBiosReadsThem() {
        // A machine of 5 GiB: 3 GiB below the hole, 2 GiB from 4 GiB on; and one of 8 MiB.
        CmosMemory.describe(m.state, 5L << 30, 4);
        assertEquals(640, word(0x15));
        assertEquals(0xFFFF, word(0x17));
        assertEquals(0xFFFF, word(0x30));
        assertEquals((3072 - 16) * 16, word(0x34));
        assertEquals(2048 * 16, word(0x5B) | m.cmos(0x5D) << 16);
        assertEquals(3, m.cmos(0x5F));
        assertEquals(0x42, m.cmos(0x3D), "disk, then network");
        assertEquals(0, m.cmos(0x38), "and nothing else");
        assertEquals(0, m.cmos(0x10) | m.cmos(0x12), "no disks but virtio's");
        int sum = 0;
        for (int i = 0x10; i <= 0x2D; i++) {
            sum += m.cmos(i);
        }
        assertEquals(sum, m.cmos(0x2E) << 8 | m.cmos(0x2F));
        CmosMemory.describe(m.state, 8L << 20, 1);
        assertEquals(7 * 1024, word(0x17));
        assertEquals(0, word(0x34));
        assertEquals(0, word(0x5B));
        assertEquals(0, m.cmos(0x5F));
    }

    @Test
    void servingAllocatesNothing() {
        m.effects.logging = false;
        Allocations.assertNone("serving", this::everything);
    }

    private final UnsafeBuffer host = new UnsafeBuffer(new byte[64]);

    private void everything() {
        m.now += 700_000_000;
        m.device.timer(m.now);
        m.device.nextDeadlineNs();
        for (int index = 0; index < 16; index++) {
            m.cmos(index);
        }
        m.cmos(0x0B, 0x72);
        m.out(0x60, 0xF2);
        m.in(0x60);
        m.out(0x64, 0xD4);
        m.out(0x60, 0xF2);
        m.in(0x64);
        m.in(0x60);
        m.in(0x60);
        m.read(0x608, 4);
        m.write(0x602, 2, 0x0101);
        m.device.powerButton(m.now);
        m.write(0x600, 2, 0xFFFF);
        m.out(0x402, 'x');
        m.device.hostOutputDone(0, m.device.hostOutput(0, host, 0, 64), m.now);
        m.device.read(9, 0, 1, m.now);
    }

    private int word(int index) {
        return m.cmos(index) | m.cmos(index + 1) << 8;
    }

    private String host(int limit) {
        UnsafeBuffer into = new UnsafeBuffer(new byte[1000]);
        int count = m.device.hostOutput(PlatformIdentity.HOST_PORT_DEBUG, into, 0, limit);
        m.device.hostOutputDone(PlatformIdentity.HOST_PORT_DEBUG, count, m.now);
        return into.getStringWithoutLengthAscii(0, count);
    }
}
