package io.jvmm.fuzz.parser;

import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.fuzz.machine.FindingException;
import io.jvmm.policy.bpf.BpfProgram;
import io.jvmm.policy.bpf.BpfSimulator;
import io.jvmm.policy.bpf.PolicyCompiler;
import io.jvmm.policy.parse.Action;
import io.jvmm.policy.parse.Policy;
import io.jvmm.policy.parse.PolicyException;
import io.jvmm.policy.parse.PolicyParser;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** A policy: any text is a policy or a mistake with its place. What compiles decides as the policy itself does, held against a simulator of BPF. */
public final class PolicyTarget implements FuzzTarget {
    private static final int X86_64 = 0xC000_003E;
    private static final int CALLS = 470;
    private static final int CALL_STEP = 7;
    private static final long[][] ARGUMENTS = {
        {0, 0, 0, 0, 0, 0},
        {1, 2, 4, 8, 16, 32},
        {-1, -1, -1, -1, -1, -1},
        {0x1_0000_0000L, 0x8000_0000L, 0x7FFF_FFFFL, 3, 7, 0x22},
    };

    private final ScratchFile file = new ScratchFile("fuzzed.policy");

    @Override
    public void run(byte[] input) throws IOException {
        Policy policy;
        try {
            policy = PolicyParser.parse(file.holding(input));
        } catch (PolicyException e) {
            return;
        } catch (IOException e) {
            return; // no text, or an include that is not there
        }
        BpfProgram program;
        try {
            program = PolicyCompiler.compile(policy);
        } catch (IllegalArgumentException e) {
            return; // longer than the kernel takes
        }
        for (int call = 0; call < CALLS; call += CALL_STEP) {
            for (long[] arguments : ARGUMENTS) {
                int wanted = returnValue(policy.decide(call, arguments));
                int got = BpfSimulator.run(program, X86_64, call, arguments);
                if (got != wanted) {
                    throw new FindingException("call " + call + ": the filter gives 0x" + Integer.toHexString(got)
                            + ", the policy 0x" + Integer.toHexString(wanted));
                }
            }
        }
    }

    /** seccomp(2): SECCOMP_RET_. */
    private static int returnValue(Action action) {
        return switch (action) {
            case Action.Allow allow -> 0x7FFF_0000;
            case Action.Log log -> 0x7FFC_0000;
            case Action.Deny deny -> 0x0005_0000 | deny.errno().number();
            case Action.Trap trap -> 0x0003_0000;
            case Action.Kill kill -> 0x8000_0000;
        };
    }

    @Override
    public List<byte[]> seeds() {
        return List.of(bytes("""
                policy fuzzed
                default kill because "nothing else is needed"
                allow read, write because "its descriptors are its own"
                errno EACCES openat because "the VM looks for a file"
                allow mmap when prot & PROT_EXEC == 0 and flags in { MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED } because "heap"
                """), bytes("""
                policy fuzzed
                default errno ENOSYS because "as on an old kernel"
                log futex when op not in 0..9 because "strange"
                trap ioctl when request >= 0x5400 and request < 21600 because "terminals"
                allow kill when sig != ~0 and pid == -1 because "all"
                """));
    }

    @Override
    public List<byte[]> dictionary() {
        return List.of(
                bytes("allow "),
                bytes("errno "),
                bytes("because \"\""),
                bytes(" when "),
                bytes(" and "),
                bytes("not in "),
                bytes("default "),
                bytes("include "),
                bytes("policy "),
                bytes("fragment "),
                bytes("0xffffffffffffffff"),
                bytes(" & "),
                bytes(".."),
                bytes("mprotect"),
                bytes("clone"),
                bytes("prctl"));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
