package io.jvmm.policy.probe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.ProbeLayout;
import io.jvmm.policy.bpf.Bpf;
import io.jvmm.policy.bpf.PolicyCompiler;
import io.jvmm.policy.parse.Action;
import io.jvmm.policy.parse.Policy;
import io.jvmm.policy.parse.PolicyParser;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is tried, how it is written down, and what is made of the answers. */
final class ProbeTest {
    private static final Path POLICIES = Path.of("src/main/policy/x86_64");
    private static final Map<ProbeArgument.Known, Long> KNOWN = Map.of(
            ProbeArgument.Known.SUPERVISOR,
            1L,
            ProbeArgument.Known.SIBLING,
            2L,
            ProbeArgument.Known.KVM_VM,
            3L,
            ProbeArgument.Known.KVM_VCPU,
            4L);

    private final MemorySegment memory = MemorySegment.ofArray(new byte[ProbeLayout.SEGMENT_BYTES]);
    private final ProbeSegment segment = new ProbeSegment(memory, KNOWN);

    private static Policy policy(String name) throws Exception {
        return PolicyParser.parse(POLICIES.resolve(name + ".policy"));
    }

    private static ProbePolicy under(String wide, String narrow) throws Exception {
        Policy last = policy(narrow);
        return new ProbePolicy(List.of(PolicyCompiler.compile(policy(wide)), PolicyCompiler.compile(last)), last);
    }

    @Test
    void everyTryHasItsOwnName() {
        List<ProbeCall> all = ProbeCatalog.all();
        assertTrue(all.size() > 200, all.size() + " calls");
        assertEquals(all.size(), all.stream().map(ProbeCall::name).distinct().count());
        assertTrue(all.stream().filter(ProbeCall::core).count() >= 35);
    }

    /** What the project promises to try in every process. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "open", "openat2", "stat", "newfstatat", "socket", "connect", "execve", "fork", "clone", "ptrace",
                "process_vm_readv", "kill", "io_uring_setup", "memfd_create", "mmap", "mprotect", "mount", "setns",
                        "keyctl", "bpf",
                "perf_event_open", "userfaultfd", "ioctl", "unshare", "seccomp", "prctl", "fcntl", "dup", "pidfd_getfd"
            })
    void theCoreHas(String call) {
        int number = io.jvmm.policy.parse.SyscallTable.x86_64().number(call);
        assertTrue(ProbeCatalog.all().stream().anyMatch(c -> c.core() && c.number() == number));
    }

    @Test
    void argumentsAreWrittenAsTheKernelReadsThem() {
        ProbeCall call =
                ProbeCatalog.call("s", "core | x | bpf -1 {4:2 2:3 1:0xff 1*3 8:\"ab\" 8:{8:page}} SIBLING 0600");
        assertEquals(321, call.number());
        assertEquals(0, segment.add(call));
        memory.set(ValueLayout.JAVA_LONG_UNALIGNED, ProbeLayout.ADDRESS, 0x1_0000_0000L);
        long[] seen = segment.arguments(0);
        assertEquals(-1, seen[0]);
        assertEquals(2, seen[2]);
        assertEquals(0600, seen[3]);
        int at = (int) (seen[1] - 0x1_0000_0000L);
        assertEquals(2, memory.get(ValueLayout.JAVA_INT_UNALIGNED, at));
        assertEquals(3, memory.get(ValueLayout.JAVA_SHORT_UNALIGNED, at + 4));
        assertEquals((byte) 0xff, memory.get(ValueLayout.JAVA_BYTE, at + 6));
        int text = (int) memory.get(ValueLayout.JAVA_LONG_UNALIGNED, at + 10);
        assertEquals("ab", memory.getString(text));
        int inner = (int) memory.get(ValueLayout.JAVA_LONG_UNALIGNED, at + 18);
        assertEquals(ProbeLayout.SEGMENT_BYTES - 4 * 4096, memory.get(ValueLayout.JAVA_LONG_UNALIGNED, inner));
        // Three words are addresses: the runner adds where the segment is.
        assertEquals(3, memory.get(ValueLayout.JAVA_INT_UNALIGNED, ProbeLayout.RELOCATIONS));
        assertEquals(List.of((long) at + 10, (long) at + 18, (long) inner), relocations());
    }

    private List<Long> relocations() {
        return java.util.stream.IntStream.range(0, 3)
                .mapToObj(i -> (long) memory.get(ValueLayout.JAVA_INT_UNALIGNED, ProbeLayout.FIRST_RELOCATION + i * 4L))
                .sorted()
                .toList();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "core | x",
                "core | x | bpf {4:1",
                "core | x | bpf \"a",
                "core | x | nosuchcall",
                "core|x|bpf {4}"
            })
    void aLineThatIsNoneIsRefused(String line) {
        assertThrows(RuntimeException.class, () -> ProbeCatalog.call("s", line));
    }

    @Test
    void everythingFitsIntoASegment() {
        ProbeCatalog.all().forEach(segment::add);
        segment.addDescriptors(1024);
        assertEquals(List.of(), List.copyOf(segment.openDescriptors(0)));
        memory.set(ValueLayout.JAVA_INT_UNALIGNED, ProbeLayout.ADDRESS, 0);
        assertEquals(1024, segment.openDescriptors(1024).size(), "nobody has said of one that it is closed");
    }

    /** Both filters together say what the policies say, the stricter of the two. */
    @ParameterizedTest
    @ValueSource(
            strings = {"serial", "platform", "block", "net", "console", "rng", "balloon", "vsock", "vcpu", "vcpu-x86"})
    void verdictsAreThePolicies(String name) throws Exception {
        String first = name.equals("vcpu") ? "vcpu-wide" : "wide";
        Policy wide = policy(first);
        ProbePolicy both = under(first, name);
        int killed = 0;
        for (ProbeCall call : ProbeCatalog.all()) {
            long[] arguments = segment.wouldBe(call);
            int verdict = both.verdict(call, arguments);
            if (call.door() != ProbeCall.Door.SYSCALL || (call.number() & Bpf.X32_BIT) != 0) {
                assertEquals(Bpf.RET_KILL_PROCESS, verdict & Bpf.RET_ACTION_MASK, call.name());
                continue;
            }
            Action narrow = both.policy().decide(call.number(), arguments);
            Action start = wide.decide(call.number(), arguments);
            Action expected = rank(start) < rank(narrow) ? start : narrow;
            assertEquals(Bpf.returnValue(expected), verdict, name + ": " + call.name());
            killed += expected instanceof Action.Kill ? 1 : 0;
        }
        assertTrue(killed > 120, name + " lives after " + killed);
    }

    private static int rank(Action action) {
        return switch (action) {
            case Action.Kill k -> 0;
            case Action.Trap t -> 1;
            case Action.Deny d -> 2;
            case Action.Log l -> 3;
            case Action.Allow a -> 4;
        };
    }

    @Test
    void whatContradictsTheFiltersIsFound() throws Exception {
        ProbePolicy serial = under("wide", "serial");
        ProbeCall open = byName("open /etc/passwd");
        ProbeCall openat = byName("openat /etc/passwd");
        ProbeCall read = byName("read");
        ProbeOutcome died = new ProbeOutcome.Killed(ProbeOutcome.SIGSYS);
        assertTrue(contradiction(serial, open, died).isEmpty());
        assertFalse(contradiction(serial, open, new ProbeOutcome.Returned(3)).isEmpty());
        assertFalse(contradiction(serial, open, new ProbeOutcome.Killed(11)).isEmpty());
        assertFalse(contradiction(serial, open, new ProbeOutcome.Hung()).isEmpty());
        assertTrue(contradiction(serial, openat, new ProbeOutcome.Returned(-13)).isEmpty());
        assertFalse(contradiction(serial, openat, new ProbeOutcome.Returned(-2)).isEmpty());
        assertFalse(contradiction(serial, openat, died).isEmpty());
        assertTrue(contradiction(serial, read, new ProbeOutcome.Returned(0)).isEmpty());
        assertFalse(contradiction(serial, read, died).isEmpty());
    }

    /** A filter that lets everything pass, under a policy that does not: what succeeds is not on the list. */
    @Test
    void whatSucceedsWithoutBeingOnTheListIsFound() throws Exception {
        ProbePolicy open = new ProbePolicy(
                List.of(io.jvmm.policy.bpf.BpfProgram.fromBytes(new byte[] {6, 0, 0, 0, 0, 0, (byte) 0xff, 0x7f})),
                policy("serial"));
        ProbeCall socket = byName("socket unix");
        assertEquals(
                "socket unix succeeds, and no rule of the policy says so",
                contradiction(open, socket, new ProbeOutcome.Returned(7)));
        assertEquals("", contradiction(open, socket, new ProbeOutcome.Returned(-1)));
    }

    @Test
    void theTableSaysWhatCameOfIt() throws Exception {
        ProbePolicy serial = under("wide", "serial");
        Map<ProbeCall, ProbeTable.Tried> tried = new HashMap<>();
        tried.put(byName("open /etc/passwd"), tried(new ProbeOutcome.Killed(ProbeOutcome.SIGSYS)));
        tried.put(byName("openat /etc/passwd"), tried(new ProbeOutcome.Returned(-13)));
        tried.put(byName("read"), tried(new ProbeOutcome.Returned(0)));
        tried.put(byName("close"), tried(new ProbeOutcome.Returned(-9)));
        ProbeTable table = new ProbeTable(
                List.copyOf(tried.keySet()), List.of(new ProbeTable.Column("serial", serial, tried)), false);
        assertEquals(List.of(), table.faults());
        List<String> cells = table.text()
                .lines()
                .filter(line -> line.startsWith("  ") && line.matches(".*(SIGSYS|EACCES|ok|\\(EBADF\\))"))
                .map(line -> line.strip().replaceAll(" {2,}", " = "))
                .sorted()
                .collect(Collectors.toList());
        assertEquals(
                List.of("close = (EBADF)", "open /etc/passwd = SIGSYS", "openat /etc/passwd = EACCES", "read = ok"),
                cells);
        assertTrue(table.text().contains("all: allow close: a client has left"), table.text());

        tried.put(byName("stat /"), tried(new ProbeOutcome.Returned(0)));
        ProbeTable bad = new ProbeTable(
                List.of(byName("stat /"), byName("fork"), byName("umask")),
                List.of(new ProbeTable.Column("serial", serial, tried)),
                false);
        assertEquals(
                List.of(
                        "serial: stat /: the filters say \"kill process\", and what came of it is ok",
                        "serial: fork was not tried"),
                bad.faults());
    }

    private static ProbeTable.Tried tried(ProbeOutcome outcome) {
        return new ProbeTable.Tried(new long[6], outcome);
    }

    private String contradiction(ProbePolicy policy, ProbeCall call, ProbeOutcome outcome) {
        return policy.contradiction(call, segment.wouldBe(call), outcome).orElse("");
    }

    private static ProbeCall byName(String name) {
        return ProbeCatalog.all().stream()
                .filter(c -> c.name().equals(name))
                .findFirst()
                .orElseThrow();
    }
}
