package io.jvmm.supervisor.telemetry;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.counters.BoardCounter;
import io.jvmm.ipc.counters.BoardPage;
import io.jvmm.ipc.counters.DeviceCounter;
import io.jvmm.ipc.counters.DevicePage;
import io.jvmm.ipc.counters.LinkCounter;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What is believed of the pages of hostile processes. */
class CounterAccountTest {
    private static final long S = 1_000_000_000L;
    private static final int READS = 128;

    private static long reads(DeviceAccount account) {
        return value(account, DeviceCounter.READS);
    }

    private static long value(DeviceAccount account, DeviceCounter counter) {
        return account.counts().stream()
                .filter(c -> c.number() == counter.number())
                .findFirst()
                .orElseThrow()
                .value();
    }

    @Test
    void whatIsPossibleAddsUp() {
        try (MemFd page = DevicePage.create("honest");
                DevicePage device = DevicePage.map(page.fd());
                DeviceAccount account = new DeviceAccount(page, 0)) {
            device.counters().add(DeviceCounter.READS, 1_000_000);
            account.look(10, S);
            assertEquals(1_000_000, reads(account));
            device.counters().add(DeviceCounter.READS, 5);
            device.completion().record(5_000);
            account.look(10, 2 * S);
            assertEquals(1_000_005, reads(account));
            assertEquals(1, account.requests().count());
            assertTrue(account.requests().p50Ns() >= 4096 && account.requests().p50Ns() <= 6144);
            account.told();
            account.look(10, 3 * S);
            assertEquals(Telemetry.Latency.NONE, account.requests());
            assertEquals(0, account.implausible());
        }
    }

    /** A scrape between two rows of top takes nothing from the second. */
    @Test
    void whoElseLooksTakesNothingFromTheStream() {
        try (MemFd page = DevicePage.create("scraped");
                DevicePage device = DevicePage.map(page.fd());
                DeviceAccount account = new DeviceAccount(page, 0);
                MemFd memFd = BoardPage.create("board", 1, 1);
                BoardPage board = BoardPage.map(memFd.fd(), 1, 1);
                BoardAccount vcpus = new BoardAccount(memFd, 1, 1, 0)) {
            device.completion().record(5_000);
            device.service().record(700);
            board.reads(0, 0).record(1_000);
            for (int scrape = 1; scrape <= 3; scrape++) {
                account.look(10, scrape * S);
                vcpus.look(scrape * S);
                assertEquals(1, account.requests().count());
                assertEquals(1, vcpus.reads(0).count());
            }
            account.told();
            vcpus.told();
            device.completion().record(5_000);
            account.look(10, 4 * S);
            vcpus.look(4 * S);
            assertEquals(1, account.requests().count());
            assertEquals(Telemetry.Latency.NONE, vcpus.reads(0));
            assertEquals(2, account.requestBuckets().stream().mapToLong(n -> n).sum());
            assertEquals(1, account.serviceBuckets().stream().mapToLong(n -> n).sum());
            assertEquals(1, vcpus.readBuckets(0).stream().mapToLong(n -> n).sum());
        }
    }

    /** What cannot be spoils the time until the stream is told, and no more. */
    @Test
    void aLieSpoilsOneRow() {
        try (MemFd page = DevicePage.create("liar");
                DevicePage device = DevicePage.map(page.fd());
                DeviceAccount account = new DeviceAccount(page, 0)) {
            device.completion().add(3, 1L << 40);
            account.look(10, S);
            device.completion().record(5_000);
            account.look(10, 2 * S);
            assertEquals(Telemetry.Latency.NONE, account.requests());
            account.told();
            device.completion().record(5_000);
            account.look(10, 3 * S);
            assertEquals(1, account.requests().count());
            assertEquals(2, account.requestBuckets().stream().mapToLong(n -> n).sum());
        }
    }

    @Test
    void whatGoesBackwardsIsUnknownUntilTheProcessIsAnother() {
        try (MemFd page = DevicePage.create("liar");
                Mapping raw = page.map();
                DeviceAccount account = new DeviceAccount(page, 0)) {
            raw.buffer().putLong(READS, 100);
            account.look(10, S);
            raw.buffer().putLong(READS, 99);
            account.look(10, 2 * S);
            assertEquals(Telemetry.UNKNOWN, reads(account));
            assertEquals(1, account.implausible());
            raw.buffer().putLong(READS, 200);
            account.look(10, 3 * S);
            assertEquals(Telemetry.UNKNOWN, reads(account), "once a liar");
            account.look(11, 4 * S);
            raw.buffer().putLong(READS, 207);
            account.look(11, 5 * S);
            assertEquals(107, reads(account), "what was believed, and what the new process has done");
            assertEquals(1, account.implausible());
        }
    }

    @Test
    void whatIsTooMuchForTheTimeIsUnknown() {
        try (MemFd page = DevicePage.create("boaster");
                Mapping raw = page.map();
                DeviceAccount account = new DeviceAccount(page, 0)) {
            raw.buffer().putLong(READS, 400_000_000L);
            account.look(10, S);
            assertEquals(Telemetry.UNKNOWN, reads(account));
            assertEquals(0, value(account, DeviceCounter.WRITES), "the others go on");
        }
    }

    @Test
    void noiseNeverThrowsAndIsNeverCounted() {
        Random random = new Random(TestSeed.next());
        byte[] noise = new byte[4096];
        try (MemFd page = DevicePage.create("noise");
                Mapping raw = page.map();
                DeviceAccount account = new DeviceAccount(page, 0)) {
            for (int i = 1; i < 2_000; i++) {
                random.nextBytes(noise);
                raw.buffer().putBytes(0, noise);
                account.look(i / 100 + 1, i * S);
                account.readTrace((lost, type, region, detail, ns) -> {});
                for (Telemetry.Count c : account.counts()) {
                    assertTrue(c.value() >= Telemetry.UNKNOWN);
                }
                Telemetry.Latency l = account.requests();
                assertTrue(l.count() >= 0 && l.p99Ns() >= l.p50Ns());
            }
            assertTrue(account.implausible() > 0);
        }
    }

    @Test
    void threadsAndLinksOfTheVcpuProcessAreSummedUp() {
        try (MemFd memFd = BoardPage.create("board", 2, 2);
                BoardPage page = BoardPage.map(memFd.fd(), 2, 2);
                BoardAccount account = new BoardAccount(memFd, 2, 2, 0)) {
            page.vcpu(0).add(BoardCounter.PIO_READS, 3);
            page.vcpu(1).add(BoardCounter.MMIO_WRITES, 4);
            page.link(0, 1).add(LinkCounter.READS, 2);
            page.link(1, 1).add(LinkCounter.KICKS, 5);
            page.reads(1, 1).record(1_000);
            account.look(S);
            assertEquals(7, account.exits());
            assertEquals(0, account.messages(0));
            assertEquals(7, account.messages(1));
            assertEquals(1, account.reads(1).count());
            assertEquals(Telemetry.Latency.NONE, account.reads(0));
        }
    }
}
