package io.jvmm.policy.jail;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What counts as a weakness, and the table a person reads. */
final class JailReportTest {
    private static final String NONE = "0000000000000000";

    @Test
    void aGoodJailHasNoWeakness() {
        assertEquals(
                List.of(),
                report(good(), "net", true, "1000 5 1", "/ ro,nosuid").weaknesses(2));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "CapEff|0000000000000020|CapEff is 0000000000000020",
                "CapBnd|000001ffffffffff|CapBnd is 000001ffffffffff",
                "CapAmb||CapAmb is",
                "NoNewPrivs|0|no_new_privs is not set",
                "Seccomp|0|seccomp mode is 0, not 2 (filter)",
                "Seccomp_filters|1|has 1 seccomp filters, not 2",
                "Seccomp_filters|3|has 3 seccomp filters, not 2",
                "Gid|0 0 0 0|runs as root",
                "Uid|7 7 0 7|runs as root",
                "Uid|7 7 8 7|could change its ids",
                "Uid|0 0 0 0|runs as root",
            })
    void aMissingWallIsNamed(String field, String value, String expected) {
        Map<String, String> status = good();
        status.put(field, value == null ? "" : value);
        List<String> found = report(status, "net", true, "1000 5 1", "/ ro").weaknesses(2);
        assertEquals(1, found.size(), found.toString());
        assertTrue(found.getFirst().startsWith(expected), found.toString());
    }

    @Test
    void sharedNamespacesWideMapsAndWritableMountsAreNamed() {
        assertEquals(
                List.of("shares the net namespace (net:[1])"),
                report(good(), "net", false, "1000 5 1", "/ ro").weaknesses(2));
        assertTrue(report(good(), "net", true, "0 0 4294967295", "/ ro")
                .weaknesses(2)
                .getFirst()
                .startsWith("more than one id"));
        assertEquals(
                List.of("a mount is writable: /rom rw,nosuid"),
                report(good(), "net", true, "1000 5 1", "/rom rw,nosuid").weaknesses(2));
    }

    @Test
    void descriptorsAreCountedByKind() {
        JailReport report = report(good(), "net", true, "1000 5 1", "/ ro");
        assertEquals(
                Map.of(
                        "eventfd",
                        2,
                        "memfd",
                        1,
                        "socket",
                        1,
                        "terminal",
                        1,
                        "/dev/kvm",
                        1,
                        "file",
                        1,
                        "pipe",
                        1,
                        "kvm-vcpu:0",
                        1),
                report.descriptorKinds());
    }

    @Test
    void theTableHasOneColumnAProcess() {
        JailReport one = report(good(), "net", true, "1000 5 1", "/ ro");
        String table = JailReport.table(List.of(one, one), Map.of("test", 21));
        assertTrue(table.startsWith("process"), table);
        assertTrue(table.contains("system calls allowed  21"), table);
        assertTrue(table.contains("none in any set"), table);
        assertTrue(table.lines().noneMatch(line -> line.endsWith(" ")), table);
    }

    /** A machine has a dozen processes; each is in one of several tables, whole. */
    @Test
    void manyProcessesAreNoWiderThanAScreen() {
        JailReport one = report(good(), "net", true, "1000 5 1", "/ ro");
        String table = JailReport.table(Collections.nCopies(9, one), Map.of("test", 21));
        assertTrue(table.lines().allMatch(line -> line.length() <= 120), table);
        assertTrue(table.lines().noneMatch(line -> line.endsWith(" ")), table);
        long processes = table.lines()
                .filter(line -> line.startsWith("process "))
                .mapToLong(line -> line.split(" +", -1).length - 1)
                .sum();
        assertEquals(9, processes, table);
        assertEquals(9, table.split("none in any set", -1).length - 1, table);
    }

    private static Map<String, String> good() {
        Map<String, String> status = new HashMap<>();
        for (String set : List.of("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")) {
            status.put(set, NONE);
        }
        status.put("NoNewPrivs", "1");
        status.put("Seccomp", "2");
        status.put("Seccomp_filters", "2");
        status.put("Threads", "12");
        status.put("Uid", "5 5 5 5");
        status.put("Gid", "5 5 5 5");
        status.put("NSpid", "77 1");
        return status;
    }

    private static JailReport report(Map<String, String> status, String kind, boolean own, String map, String mount) {
        Map<Integer, String> descriptors = Map.of(
                0, "anon_inode:[eventfd]",
                1, "anon_inode:[eventfd]",
                2, "/memfd:link (deleted)",
                3, "socket:[5]",
                4, "/dev/pts/3",
                5, "/dev/kvm",
                6, "/jvmm/lib/a.jar",
                7, "pipe:[8]",
                8, "anon_inode:kvm-vcpu:0");
        return new JailReport(
                "test",
                77,
                Map.of(kind, new JailReport.Namespace(kind + ":[1]", own)),
                status,
                descriptors,
                map,
                "1000 5 1",
                List.of("/jvmm"),
                List.of(mount),
                details("0 0", List.of()));
    }

    private static JailDetails details(String core, List<String> looseThreads) {
        Map<String, String> limits = new HashMap<>();
        List.of("Max file locks", "Max msgqueue size", "Max nice priority", "Max realtime priority")
                .forEach(none -> limits.put(none, "0 0"));
        limits.put("Max core file size", core);
        limits.put("Max processes", "64 64");
        limits.put("Max open files", "128 128");
        limits.put("Max locked memory", "0 0");
        return new JailDetails(limits, "/", true, List.of("/memfd:a", "/memfd:b"), looseThreads, 0, List.of());
    }

    @Test
    void limitsAndLooseThreadsAreNamed() {
        assertEquals(
                List.of("the limit \"Max core file size\" is 0 unlimited"),
                details("0 unlimited", List.of()).weaknesses());
        assertEquals(
                List.of("threads are under less than the first one: 12 (Seccomp)"),
                details("0 0", List.of("12 (Seccomp)")).weaknesses());
    }

    @Test
    void memoryThatWasNotGivenIsNamed() {
        assertEquals(List.of("/memfd:b"), details("0 0", List.of()).foreignMemory(Set.of("/memfd:a")));
    }
}
