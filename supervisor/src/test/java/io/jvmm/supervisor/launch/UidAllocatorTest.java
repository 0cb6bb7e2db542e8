package io.jvmm.supervisor.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.supervisor.Programs;
import io.jvmm.supervisor.config.UidRange;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UidAllocatorTest {
    private static final UidRange RANGE = new UidRange(300_000, 300_009);

    @TempDir
    Path temporary;

    @Test
    void uidsAreTakenInTurnAndFromTheRangeOnly() throws Exception {
        try (RuntimeDirectory runtime = RuntimeDirectory.open(temporary.resolve("r"))) {
            UidAllocator allocator = new UidAllocator(runtime);
            try (UidAllocator.Lease a = allocator.lease(RANGE, 3);
                    UidAllocator.Lease b = allocator.lease(RANGE, 3)) {
                assertEquals(List.of(300_000, 300_001, 300_002), a.uids());
                assertEquals(List.of(300_003, 300_004, 300_005), b.uids());
            }
            try (UidAllocator.Lease c = allocator.lease(RANGE, 3)) {
                assertEquals(List.of(300_006, 300_007, 300_008), c.uids(), "a uid comes back only after all others");
            }
            try (UidAllocator.Lease d = allocator.lease(RANGE, 3)) {
                assertEquals(List.of(300_009, 300_000, 300_001), d.uids());
            }
        }
    }

    @Test
    void aRangeThatIsUsedUpIsAHostProblemWithACure() throws Exception {
        try (RuntimeDirectory runtime = RuntimeDirectory.open(temporary.resolve("r"));
                UidAllocator.Lease all = new UidAllocator(runtime).lease(RANGE, 8)) {
            assertEquals(8, all.uids().size());
            HostLackException e =
                    assertThrows(HostLackException.class, () -> new UidAllocator(runtime).lease(RANGE, 3));
            assertEquals(
                    "all uids of 300000-300009 are in use by running machines; this one needs 3."
                            + " Use a larger range, e.g. uid_range = \"100000-165535\".",
                    e.getMessage());
        }
    }

    @Test
    void supervisorsThatRaceNeverShareAUid() throws Exception {
        long seed = TestSeed.next();
        Path marks = Files.createDirectory(temporary.resolve("marks"));
        List<Process> racers = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            racers.add(Programs.start(
                    LeasingProgram.class,
                    temporary.resolve("r").toString(),
                    marks.toString(),
                    "100",
                    Long.toString(seed + i)));
        }
        for (Process racer : racers) {
            String said = racer.inputReader(StandardCharsets.UTF_8).readLine();
            assertEquals(0, racer.waitFor(), () -> said + ", seed " + seed);
            assertEquals("held 100", said, () -> "seed " + seed);
        }
    }

    @Test
    void theUidsOfAKilledSupervisorAreFreeAgain() throws Exception {
        Path root = temporary.resolve("r");
        Path outside = Files.createDirectory(temporary.resolve("outside"));
        Process p = Programs.start(HoldingProgram.class, root.toString(), outside.toString(), "300000-300007");
        assertTrue(p.inputReader(StandardCharsets.UTF_8).readLine().startsWith("[300000, 300001, 300002]"));
        UidRange range = UidRange.parse("300000-300007");
        try (RuntimeDirectory runtime = RuntimeDirectory.open(root)) {
            assertThrows(HostLackException.class, () -> new UidAllocator(runtime).lease(range, 6));
            p.destroyForcibly();
            assertEquals(137, p.waitFor());
            try (UidAllocator.Lease lease = new UidAllocator(runtime).lease(range, 8)) {
                assertEquals(8, lease.uids().size());
            }
        }
    }
}
