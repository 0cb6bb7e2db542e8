package io.jvmm.policy.bpf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.policy.parse.Action;
import io.jvmm.policy.parse.ArgumentTest;
import io.jvmm.policy.parse.Condition;
import io.jvmm.policy.parse.Policy;
import io.jvmm.policy.parse.Rule;
import io.jvmm.policy.parse.SyscallTable;
import io.jvmm.policy.sys.ProbeChild;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The kernel's own word: for each rule of each policy a child under the filter does the call and lives or gets the errno; for a sample
 * of calls that must not be possible a child does it and dies.
 */
final class PolicyProbesTest {
    /** Arguments that do nothing. Everything else is called with -1 (no descriptor, no address) and zeros. */
    private static final Map<String, long[]> HARMLESS = Map.of(
            "clone",
            new long[] {0},
            "exit",
            new long[] {0},
            "exit_group",
            new long[] {0},
            "madvise",
            new long[] {0, 0, 0},
            "ppoll",
            new long[] {0, 0, -1, 0, 0},
            "futex",
            new long[] {0, 0, 0, 0, 0, 0},
            "clock_nanosleep",
            new long[] {-1, 0, 0, 0},
            "brk",
            new long[] {0},
            "mprotect",
            new long[] {0, 0, 0});

    /** Calls no serving process may make, with arguments that do nothing should they get through. */
    private static final List<String> NEVER = List.of(
            "open",
            "openat",
            "openat2",
            "creat",
            "socket",
            "connect",
            "bind",
            "listen",
            "sendto",
            "execve",
            "execveat",
            "fork",
            "vfork",
            "clone3",
            "ptrace",
            "process_vm_readv",
            "process_vm_writev",
            "kill",
            "tkill",
            "rt_sigqueueinfo",
            "pidfd_open",
            "pidfd_getfd",
            "pidfd_send_signal",
            "io_uring_setup",
            "io_uring_enter",
            "memfd_create",
            "mount",
            "umount2",
            "pivot_root",
            "chroot",
            "setns",
            "unshare",
            "open_tree",
            "move_mount",
            "fsopen",
            "keyctl",
            "add_key",
            "request_key",
            "bpf",
            "perf_event_open",
            "userfaultfd",
            "init_module",
            "finit_module",
            "kexec_load",
            "reboot",
            "swapon",
            "personality",
            "setuid",
            "setgid",
            "setresuid",
            "setgroups",
            "capset",
            "prctl",
            "seccomp",
            "name_to_handle_at",
            "open_by_handle_at",
            "fanotify_init",
            "inotify_init1",
            "unlink",
            "unlinkat",
            "rename",
            "mkdir",
            "chmod",
            "fchmod",
            "fchown",
            "symlink",
            "link",
            "truncate",
            "ftruncate",
            "fallocate",
            "shmget",
            "shmat",
            "msgget",
            "semget",
            "mq_open",
            "iopl",
            "ioperm",
            "modify_ldt",
            "pkey_mprotect",
            "mseal",
            "sched_setscheduler",
            "sched_setaffinity",
            "setpriority",
            "prlimit64",
            "vmsplice",
            "splice",
            "process_madvise",
            "remap_file_pages",
            "mremap",
            "sendmsg",
            "recvmsg",
            "sendmmsg",
            "recvmmsg",
            "rt_sigaction",
            "sigaltstack",
            "quotactl",
            "syslog",
            "acct",
            "sethostname",
            "settimeofday",
            "clock_settime",
            "adjtimex",
            "timer_create",
            "landlock_create_ruleset",
            "lookup_dcookie");

    /** Of those, what a starting process may do. */
    private static final Set<String> AT_START = Set.of(
            "open",
            "openat",
            "execve",
            "fallocate",
            "memfd_create",
            "prctl",
            "seccomp",
            "ftruncate",
            "prlimit64",
            "mremap",
            "sendmsg",
            "recvmsg",
            "sendmmsg",
            "recvmmsg",
            "rt_sigaction",
            "sigaltstack");

    /** Of those, what one process may do because it is its work. */
    private static final Map<String, Set<String>> OF_ONE = Map.of(
            "block",
            Set.of("fallocate"),
            "net",
            Set.of("sendmmsg", "recvmmsg"),
            "vsock",
            Set.of("sendmmsg", "recvmmsg"),
            "standby",
            Set.of("fallocate", "sendmmsg", "recvmmsg", "recvmsg", "ftruncate"),
            "recorder-wide",
            Set.of("mkdir", "rmdir", "unlink", "rename"),
            "recorder",
            Set.of("openat", "mkdir", "rmdir", "unlink", "rename", "ftruncate", "fallocate", "sendmsg", "recvmsg"));

    static List<String> policies() throws Exception {
        return Policies.names();
    }

    @ParameterizedTest
    @MethodSource("policies")
    void whatARuleAllowsLivesAndWhatItRefusesGetsItsErrno(String name) throws Exception {
        Policy policy = Policies.parse(name);
        byte[] filter = Policies.compiled(name).toBytes();
        List<Rule> rules = new ArrayList<>();
        List<ProbeChild.Call> calls = new ArrayList<>();
        for (Rule rule : policy.rules()) {
            for (long[] arguments : argumentsFor(policy, rule)) {
                rules.add(rule);
                calls.add(new ProbeChild.Call(rule.syscall().number(), arguments));
            }
        }
        List<ProbeChild.Outcome> outcomes = ProbeChild.calls(filter, calls);
        for (int i = 0; i < calls.size(); i++) {
            Action action = rules.get(i).action();
            ProbeChild.Outcome outcome = outcomes.get(i);
            String what = name + ": " + rules.get(i).text() + " with "
                    + Arrays.toString(calls.get(i).arguments()) + " -> " + outcome;
            if (action.permits()) {
                assertFalse(outcome.killed(), what);
            } else if (action instanceof Action.Deny(var errno)) {
                assertEquals(-errno.number(), outcome.result(), what);
                assertFalse(outcome.killed(), what);
            } else {
                assertTrue(outcome.killed(), what);
            }
        }
        assertEquals(Set.copyOf(policy.rules()), Set.copyOf(rules), "a rule was not probed");
        System.out.println(
                name + ": " + calls.size() + " probes of " + policy.rules().size() + " rules");
    }

    @ParameterizedTest
    @MethodSource("policies")
    void whatMustNotBePossibleKills(String name) throws Exception {
        Policy policy = Policies.parse(name);
        byte[] filter = Policies.compiled(name).toBytes();
        boolean starting = name.endsWith("wide");
        List<ProbeChild.Call> calls = new ArrayList<>();
        for (String call : NEVER) {
            if ((starting && AT_START.contains(call))
                    || OF_ONE.getOrDefault(name, Set.of()).contains(call)) {
                continue;
            }
            calls.add(new ProbeChild.Call(SyscallTable.x86_64().number(call), -1, 0, 0, 0, 0, 0));
        }
        refused(policy, filter, calls);
        Set<String> unknown = new HashSet<>(AT_START);
        NEVER.forEach(unknown::remove);
        assertTrue(unknown.isEmpty(), unknown.toString());
    }

    @ParameterizedTest
    @MethodSource("policies")
    void argumentsMatter(String name) throws Exception {
        Policy policy = Policies.parse(name);
        byte[] filter = Policies.compiled(name).toBytes();
        boolean starting = name.endsWith("wide");
        List<ProbeChild.Call> calls = new ArrayList<>();
        int ioctl = 16;
        int mmap = 9;
        int mprotect = 10;
        // Processes, by any flags.
        calls.add(new ProbeChild.Call(56, 17, 0, 0, 0, 0, 0));
        calls.add(new ProbeChild.Call(56, 0x100 | 0x4000 | 17, 0, 0, 0, 0, 0));
        calls.add(new ProbeChild.Call(56, 0x10000 | 0x10000000, 0, 0, 0, 0, 0));
        // Signals to others.
        calls.add(new ProbeChild.Call(234, -1, -1, 9, 0, 0, 0));
        calls.add(new ProbeChild.Call(234, -1, -1, 11, 0, 0, 0));
        // Terminal tricks, other drivers, KVM calls not on the list: KVM_CREATE_DEVICE, KVM_MEMORY_ENCRYPT_OP,
        // KVM_XEN_HVM_CONFIG.
        for (long request : new long[] {0x5412, 0x541c, 0x5401, 0xc00caee0L, 0xc008aebaL, 0x4038ae7aL}) {
            calls.add(new ProbeChild.Call(ioctl, -1, request, 0, 0, 0, 0));
        }
        if (!starting) {
            calls.add(new ProbeChild.Call(ioctl, -1, 0xae01, 0, 0, 0, 0));
            calls.add(new ProbeChild.Call(ioctl, -1, 0x4020ae46L, 0, 0, 0, 0));
            for (long prot = 4; prot < 8; prot++) {
                calls.add(new ProbeChild.Call(mmap, 0, 0, prot, 0x22, -1, 0));
                calls.add(new ProbeChild.Call(mprotect, 0, 0, prot, 0, 0, 0));
                // Junk above bit 31 changes nothing.
                calls.add(new ProbeChild.Call(mprotect, 0, 0, prot | 0xdead_0000_0000_0000L, 0, 0, 0));
            }
            // A file mapping.
            calls.add(new ProbeChild.Call(mmap, 0, 0, 1, 0x02, 3, 0));
        }
        // An int80-style and an x32 number.
        calls.add(new ProbeChild.Call(0x4000_0000, 0, 0, 0, 0, 0, 0));
        refused(policy, filter, calls);
    }

    /** The policy carries none of them out, and the kernel agrees. */
    private static void refused(Policy policy, byte[] filter, List<ProbeChild.Call> calls) {
        for (ProbeChild.Call call : calls) {
            assertFalse(
                    policy.decide(call.number(), call.arguments()).permits(),
                    policy.name() + " allows " + SyscallTable.x86_64().name(call.number()));
        }
        List<ProbeChild.Outcome> outcomes = ProbeChild.calls(filter, calls);
        for (int i = 0; i < calls.size(); i++) {
            ProbeChild.Call call = calls.get(i);
            String what = policy.name() + ": call " + call.number() + " " + Arrays.toString(call.arguments()) + " -> "
                    + outcomes.get(i);
            if (policy.decide(call.number(), call.arguments()) instanceof Action.Deny(var errno)) {
                assertEquals(-errno.number(), outcomes.get(i).result(), what);
            } else {
                assertTrue(outcomes.get(i).killed(), what);
            }
        }
    }

    /** Harmless arguments that this rule, and no earlier one, decides about: one set per value the rule lists. */
    private static List<long[]> argumentsFor(Policy policy, Rule rule) {
        long[] plain = Arrays.copyOf(HARMLESS.getOrDefault(rule.syscall().name(), new long[] {-1}), 6);
        List<long[]> all = List.of(plain);
        for (Condition condition : rule.conditions()) {
            List<long[]> next = new ArrayList<>();
            for (long[] arguments : all) {
                for (long value :
                        passing(condition.test(), arguments[condition.argument().index()])) {
                    long[] changed = arguments.clone();
                    changed[condition.argument().index()] = value;
                    next.add(changed);
                }
            }
            all = next;
        }
        if (rule.conditions().isEmpty()
                && !policy.decide(rule.syscall().number(), plain).equals(rule.action())) {
            // An earlier rule with conditions takes the plain arguments: find some it leaves.
            for (long value = 0; value < 4096; value++) {
                for (int index = 0; index < 6; index++) {
                    long[] changed = plain.clone();
                    changed[index] = value;
                    if (policy.decide(rule.syscall().number(), changed).equals(rule.action())) {
                        return List.of(changed);
                    }
                }
            }
        }
        return all;
    }

    private static List<Long> passing(ArgumentTest test, long before) {
        return switch (test) {
            case ArgumentTest.OneOf(List<Long> values) -> values;
            case ArgumentTest.NoneOf(List<Long> values) -> List.of(values.contains(0L) ? 0x7ff0L : 0L);
            case ArgumentTest.Range(long low, long high) -> List.of(low);
            case ArgumentTest.Masked(long mask, long value, boolean equal) ->
                List.of((before & ~mask) | (equal ? value : value ^ Long.lowestOneBit(mask)));
        };
    }
}
