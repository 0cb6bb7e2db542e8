package io.jvmm.device.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.sys.ExitStatus;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The whole process: boot record to STOP under its narrow filter, and what is left when it is killed. */
class PlatformProcessTest {
    private static final int PM = PlatformIdentity.REGION_ACPI_PM;
    private static final int KBC = PlatformIdentity.REGION_KBC_COMMAND;
    private static final int KBC_DATA = PlatformIdentity.REGION_KBC_DATA;

    @Test
    void servesEveryDeviceUnderItsFilterAndStops() throws Exception {
        try (LiveProcess p = new LiveProcess()) {
            p.start("rtc.base=951782398", "debugcon=true", "memory.bytes=536870912", "vcpus=2");
            assertEquals(0x80, p.cmos(0x0D));
            assertEquals(0x20, p.cmos(0x32));
            assertEquals(1, p.cmos(0x5F), "two processors");

            // Each interrupt is an eventfd: the clock's update, the keyboard's byte, the power button.
            p.cmos(0x0B, 0x12);
            assertTrue(p.awaitInterrupt(PlatformIdentity.IRQ_RTC) > 0, "the device woke by itself");
            assertEquals(0x90, p.cmos(0x0C) & 0x90);
            p.cmos(0x0B, 0x02);
            p.write(KBC_DATA, 0, 1, 0xF2);
            assertTrue(p.awaitInterrupt(PlatformIdentity.IRQ_KEYBOARD) > 0);
            assertEquals(0xFA, p.read(KBC_DATA, 0, 1));
            assertEquals(0xAB, p.read(KBC_DATA, 0, 1));
            p.write(PM, 2, 2, AcpiPmBlock.PWRBTN);
            p.powerButton();
            assertTrue(p.awaitInterrupt(PlatformIdentity.IRQ_SCI) > 0);
            p.resample.signal();
            assertTrue(p.awaitInterrupt(PlatformIdentity.IRQ_SCI) > 0, "still pending after the end of interrupt");
            assertEquals(AcpiPmBlock.PWRBTN, p.read(PM, 0, 2));
            p.write(PM, 0, 2, AcpiPmBlock.PWRBTN);

            long first = p.read(PM, 8, 4);
            assertTrue(
                    ((p.read(PM, 8, 4) - first) & 0xFFFF_FFFFL) < 100 * AcpiPmBlock.TIMER_HZ, "the timer runs forward");

            for (char c : "debug".toCharArray()) {
                p.write(PlatformIdentity.REGION_DEBUG_402, 0, 1, c);
            }
            assertEquals("debug", p.awaitDebugOutput(5));

            p.write(KBC, 0, 1, 0x90);
            assertEquals("guest-error 1 144", p.awaitWord("guest-error"));
            p.write(KBC, 0, 1, 0xFE);
            assertEquals("power RESET I8042", p.awaitWord("power"));
            p.write(PlatformIdentity.REGION_RESET, 0, 1, 0x06);
            assertEquals("power RESET CF9", p.awaitWord("power"));
            p.write(PM, 4, 2, 5 << 10 | 1 << 13);
            assertEquals("power POWER_OFF ACPI", p.awaitWord("power"));

            String status = Files.readString(Path.of("/proc/" + p.pid() + "/status"));
            assertTrue(status.contains("Seccomp:\t2"), status);
            assertEquals(new ExitStatus.Exited(0), p.stop());
        }
    }

    @Test
    void readyTellsTheHashOfTheFilterInForce() throws Exception {
        try (LiveProcess p = new LiveProcess()) {
            p.start();
            byte[] hash = MessageDigest.getInstance("SHA-256").digest(LiveProcess.filter());
            assertTrue(p.heardReadyWith(hash));
        }
    }

    @Test
    void endsWhenItsSupervisorDies() throws Exception {
        try (LiveProcess p = new LiveProcess()) {
            p.start();
            assertTrue(p.abandon() instanceof ExitStatus.Exited);
        }
    }

    /** The guest sees one device, however often the process behind it is killed between and behind its accesses. */
    @Test
    void aKilledProcessLosesNothingTheGuestCanSee() throws Exception {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        int[] nvram = new int[128];
        try (LiveProcess p = new LiveProcess()) {
            for (int life = 0; life < 5; life++) {
                p.start("rtc.base=951782398");
                for (int i = 0x40; i < 0x80 && life > 0; i++) {
                    assertEquals(nvram[i], p.cmos(i), "seed " + seed + " life " + life + " byte " + i);
                }
                int writes = random.nextInt(500);
                for (int i = 0; i < 0x40 || i < writes; i++) {
                    int index = 0x40 + i % 0x40;
                    nvram[index] = random.nextInt(256);
                    p.cmos(index, nvram[index]);
                }
                // Posted writes still lie in the ring: the next process finds them there.
                assertTrue(p.kill() instanceof ExitStatus.Killed);
            }
            p.start("rtc.base=951782398");
            for (int i = 0x40; i < 0x80; i++) {
                assertEquals(nvram[i], p.cmos(i), "seed " + seed + " byte " + i);
            }
            assertEquals(0x20, p.cmos(0x32));
        }
    }
}
