package io.jvmm.device.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.StateRejectedException;
import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.MemFd;
import java.lang.foreign.MemoryLayout.PathElement;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** The state block: layout, killing and adopting at any message, hostile blocks. */
class PlatformStateTest {
    private static final DeviceConfig CONFIG = config(Map.of("rtc.base", "951782398", "debugcon", "true"));

    private static DeviceConfig config(Map<String, String> entries) {
        return key -> Optional.ofNullable(entries.get(key));
    }

    @Test
    void constantsAgreeWithTheNamedLayout() {
        assertEquals(PlatformStateLayout.LENGTH_BYTES, PlatformStateLayout.STATE_V2.byteSize());
        Map<String, Integer> offsets = Map.ofEntries(
                Map.entry("rtc.secondStartNs", PlatformStateLayout.RTC_SECOND_START_NS),
                Map.entry("rtc.lastSyncNs", PlatformStateLayout.RTC_LAST_SYNC_NS),
                Map.entry("acpi.pmTimerOriginNs", PlatformStateLayout.PM_TIMER_ORIGIN_NS),
                Map.entry("acpi.pmTimerHalfPeriods", PlatformStateLayout.PM_TIMER_HALF_PERIODS),
                Map.entry("acpi.PM1_STS", PlatformStateLayout.PM1_STS),
                Map.entry("acpi.PM1_EN", PlatformStateLayout.PM1_EN),
                Map.entry("acpi.PM1_CNT", PlatformStateLayout.PM1_CNT),
                Map.entry("reset.RST_CNT", PlatformStateLayout.RST_CNT),
                Map.entry("rtc.index", PlatformStateLayout.RTC_INDEX),
                Map.entry("kbc.status", PlatformStateLayout.KBC_STATUS),
                Map.entry("kbc.outputBuffer", PlatformStateLayout.KBC_OUTPUT_BUFFER),
                Map.entry("kbc.pendingCommand", PlatformStateLayout.KBC_PENDING_COMMAND),
                Map.entry("kbc.outputPort", PlatformStateLayout.KBC_OUTPUT_PORT),
                Map.entry("kbc.response", PlatformStateLayout.KBC_RESPONSE),
                Map.entry("kbc.responseStatus", PlatformStateLayout.KBC_RESPONSE_STATUS),
                Map.entry("kbd.queueLength", PlatformStateLayout.KBD_QUEUE_LENGTH),
                Map.entry("kbd.pendingCommand", PlatformStateLayout.KBD_PENDING_COMMAND),
                Map.entry("kbd.scanCodeSet", PlatformStateLayout.KBD_SCAN_CODE_SET),
                Map.entry("kbd.indicators", PlatformStateLayout.KBD_INDICATORS),
                Map.entry("kbd.typematic", PlatformStateLayout.KBD_TYPEMATIC),
                Map.entry("kbd.scanning", PlatformStateLayout.KBD_SCANNING),
                Map.entry("kbd.lastSent", PlatformStateLayout.KBD_LAST_SENT),
                Map.entry("reserved", PlatformStateLayout.RESERVED),
                Map.entry("kbd.queue", PlatformStateLayout.KBD_QUEUE),
                Map.entry("kbc.ram", PlatformStateLayout.KBC_RAM),
                Map.entry("rtc", PlatformStateLayout.CMOS),
                Map.entry("debug.head", PlatformStateLayout.DEBUG_HEAD),
                Map.entry("debug.count", PlatformStateLayout.DEBUG_COUNT),
                Map.entry("debug.dropped", PlatformStateLayout.DEBUG_DROPPED),
                Map.entry("debug.fifo", PlatformStateLayout.DEBUG_FIFO),
                Map.entry("fwcfg.selector", PlatformStateLayout.FW_CFG),
                Map.entry("fwcfg.reserved0", PlatformStateLayout.FW_CFG + 2),
                Map.entry("fwcfg.offset", PlatformStateLayout.FW_CFG + 4),
                Map.entry("fwcfg.dmaHigh", PlatformStateLayout.FW_CFG + 8),
                Map.entry("fwcfg.reserved1", PlatformStateLayout.FW_CFG + 12));
        assertEquals(
                offsets.size(), PlatformStateLayout.STATE_V2.memberLayouts().size());
        offsets.forEach((name, offset) -> assertEquals(
                (long) offset, PlatformStateLayout.STATE_V2.byteOffset(PathElement.groupElement(name)), name));
    }

    @Test
    void aDeviceAdoptedAfterAnyMessageBehavesLikeTheOneThatWasKilled() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        Script lived = new Script(CONFIG, seed);
        Script killed = new Script(CONFIG, seed);
        for (int i = 0; i < 50_000; i++) {
            if (random.nextInt(20) == 0) {
                killed.adopt();
            }
            assertEquals(lived.step(), killed.step(), "seed " + seed + " step " + i);
        }
    }

    /** A device that lives through random messages; what it says is a number. */
    private static final class Script {
        private static final int[] REGIONS = {0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 6};
        private final DeviceConfig config;
        private final Random random;
        private final PlatformDevice factory = new PlatformDevice();
        private final RecordedEffects effects = new RecordedEffects();
        private UnsafeBuffer state = new UnsafeBuffer(new byte[PlatformStateLayout.LENGTH_BYTES]);
        private DeviceCore device;
        private long now = 1_000;

        Script(DeviceConfig config, long seed) {
            this.config = config;
            this.random = new Random(seed);
            effects.logging = false;
            device = factory.create(config, state, true, effects, now);
        }

        void adopt() {
            byte[] copy = new byte[PlatformStateLayout.LENGTH_BYTES];
            state.getBytes(0, copy);
            state = new UnsafeBuffer(copy);
            device = factory.create(config, state, false, effects, now);
        }

        long step() {
            now += 1L << random.nextInt(36);
            if (device.nextDeadlineNs() <= now) {
                device.timer(now);
            }
            int region = REGIONS[random.nextInt(REGIONS.length)];
            int length = PlatformIdentity.IDENTITY.regions().get(region).lengthBytes();
            int offset = random.nextInt(Math.min(length, 12));
            int width = 1 << random.nextInt(3);
            long value = random.nextLong();
            long result = 0;
            if (random.nextBoolean()) {
                device.write(region, offset, width, value, now);
            } else {
                result = device.read(region, offset, width, now);
            }
            return result * 31
                    + effects.interrupts[0]
                    + effects.interrupts[1] * 7L
                    + effects.interrupts[2] * 13L
                    + (effects.sci ? 17 : 19)
                    + effects.powerCalls * 23L
                    + device.nextDeadlineNs();
        }
    }

    @Test
    void whatADeviceWritesPassesAndWhatItCannotHaveWrittenIsNamed() {
        Machine m = new Machine(0);
        assertEquals("", violation(m));
        assertHostile("debug", PlatformStateLayout.DEBUG_HEAD + 1, 0x01);
        assertHostile("kbd.queueLength", PlatformStateLayout.KBD_QUEUE_LENGTH, 9);
        assertHostile("kbd.pendingCommand", PlatformStateLayout.KBD_PENDING_COMMAND, 1);
        assertHostile("kbd.scanCodeSet", PlatformStateLayout.KBD_SCAN_CODE_SET, 0);
        assertHostile("kbc.pendingCommand", PlatformStateLayout.KBC_PENDING_COMMAND, 0xAA);
        assertHostile("kbc.status", PlatformStateLayout.KBC_STATUS, 0x80);
        assertHostile("kbc.outputPort", PlatformStateLayout.KBC_OUTPUT_PORT, 0xDF);
        assertHostile("rtc.cmos[REGISTER_D]", PlatformStateLayout.CMOS + 0x0D, 0);
        assertHostile("rtc.cmos[REGISTER_C]", PlatformStateLayout.CMOS + 0x0C, 0x80);
        assertHostile("acpi.PM1_CNT", PlatformStateLayout.PM1_CNT, 1);
        assertHostile("reset.RST_CNT", PlatformStateLayout.RST_CNT, 0x10);
        assertHostile("rtc.secondStartNs", PlatformStateLayout.RTC_SECOND_START_NS + 7, 0x7F);
        assertHostile("reserved", PlatformStateLayout.RESERVED, 1);
    }

    private static String violation(Machine m) {
        String violation = PlatformStateCheck.violation(m.state, m.now);
        return violation == null ? "" : violation;
    }

    private static void assertHostile(String field, int offset, int value) {
        Machine m = new Machine(0);
        m.state.putByte(offset, (byte) value);
        String violation = violation(m);
        assertTrue(violation.contains(field), violation);
        StateRejectedException thrown = assertThrows(
                StateRejectedException.class,
                () -> new PlatformDevice().create(CONFIG, m.state, false, m.effects, m.now));
        String message = String.valueOf(thrown.getMessage());
        assertTrue(message.contains(field), message);
    }

    /** Whatever passes the check can be served: no exception, no endless loop, from random bytes near a real block. */
    @Test
    void randomBlocksAreRejectedOrServed() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        int served = 0;
        for (int round = 0; round < 20_000; round++) {
            Machine m = new Machine(random.nextLong(1L << 36));
            int changes = 1 + random.nextInt(4);
            for (int i = 0; i < changes; i++) {
                m.state.putByte(random.nextInt(PlatformStateLayout.LENGTH_BYTES), (byte) random.nextInt(256));
            }
            if (PlatformStateCheck.violation(m.state, m.now) != null) {
                continue;
            }
            served++;
            m.device.resume(m.now);
            for (int i = 0; i < 30; i++) {
                m.sleep(1L << random.nextInt(40));
                if (m.device.nextDeadlineNs() <= m.now) {
                    m.device.timer(m.now);
                    assertFalse(m.device.nextDeadlineNs() <= m.now, "a timer must advance, seed " + seed);
                }
                int region = random.nextInt(7);
                m.device.read(region, random.nextInt(12), 1 << random.nextInt(4), m.now);
                m.device.write(region, random.nextInt(12), 1 << random.nextInt(4), random.nextLong(), m.now);
                assertEquals("", violation(m), "seed " + seed);
            }
        }
        assertFalse(served < 1000, "too few blocks were served: " + served);
    }

    /** A driver that read all ones of a process that hung did not see what the edge was about, and there is no other one before it has. */
    @Test
    void aSuccessorRaisesLinesThatAreHighOnceMore() {
        Machine m = new Machine(0);
        m.cmos(0x0B, 0x12); // UIE, 24 hours
        m.out(0x64, 0x60);
        m.out(0x60, 0x01); // interrupts of the keyboard
        m.out(0x64, 0xD2);
        m.out(0x60, 0x5A); // as if from the keyboard
        m.pass(2 * Machine.SECOND);
        assertEquals(1, m.effects.interrupts[PlatformIdentity.IRQ_RTC]);
        assertEquals(1, m.effects.interrupts[PlatformIdentity.IRQ_KEYBOARD]);
        new PlatformDevice().create(CONFIG, m.state, false, m.effects, m.now).resume(m.now);
        assertEquals(2, m.effects.interrupts[PlatformIdentity.IRQ_RTC]);
        assertEquals(2, m.effects.interrupts[PlatformIdentity.IRQ_KEYBOARD]);
        m.cmos(0x0C);
        m.in(0x60);
        new PlatformDevice().create(CONFIG, m.state, false, m.effects, m.now).resume(m.now);
        assertEquals(2, m.effects.interrupts[PlatformIdentity.IRQ_RTC]);
        assertEquals(2, m.effects.interrupts[PlatformIdentity.IRQ_KEYBOARD]);
    }

    @Test
    void configurationErrorsNameKeyValueAndCure() {
        assertThrowsNaming("rtc.base", Map.of("rtc.base", "noon"));
        assertThrowsNaming("rtc.base", Map.of("rtc.base", "253402300800"));
        assertThrowsNaming("rtc.offset-seconds", Map.of("rtc.offset-seconds", "70000"));
        assertThrowsNaming("debugcon", Map.of("debugcon", "yes"));
        assertThrowsNaming("memory.bytes", Map.of("memory.bytes", "-1"));
        assertThrowsNaming("vcpus", Map.of("vcpus", "0"));
    }

    private static void assertThrowsNaming(String key, Map<String, String> entries) {
        IllegalArgumentException thrown =
                assertThrows(IllegalArgumentException.class, () -> PlatformConfig.from(config(entries)));
        String message = String.valueOf(thrown.getMessage());
        assertTrue(message.startsWith(key + ":"), message);
    }

    @Test
    void localTimeAddsTheSupervisorsOffset() {
        PlatformConfig local =
                PlatformConfig.from(config(Map.of("rtc.base", "localtime", "rtc.offset-seconds", "-3600")));
        assertEquals(996_400, local.startSeconds(1_000_000));
        assertEquals(1_000_000, PlatformConfig.from(config(Map.of())).startSeconds(1_000_000));
        assertEquals(42, PlatformConfig.from(config(Map.of("rtc.base", "42"))).startSeconds(1_000_000));
    }

    @Test
    void theScratchMachineGoesThroughItsExercise() {
        PlatformDevice factory = new PlatformDevice();
        UnsafeBuffer state = new UnsafeBuffer(new byte[factory.identity().stateLengthBytes()]);
        RecordedEffects effects = new RecordedEffects();
        MemFd memFd = MemFd.createSealed("exercise", 1 << 20);
        GuestMemory memory = GuestMemory.map(memFd.fd(), 1 << 20);
        DeviceCore device = factory.create(factory.exampleConfig(), state, true, effects, memory, 0);
        BenchExercise bench = new BenchExercise(device, memory);
        factory.exercise(bench);
        factory.exercise(bench);
        assertTrue(effects.powerCalls > 0);
        assertTrue(effects.sciCalls > 0);
        assertTrue(effects.interrupts[PlatformIdentity.IRQ_RTC] > 0);
        assertTrue(effects.interrupts[PlatformIdentity.IRQ_KEYBOARD] > 0);
        assertTrue(effects.interrupts[PlatformIdentity.IRQ_AUX] > 0);
    }
}
