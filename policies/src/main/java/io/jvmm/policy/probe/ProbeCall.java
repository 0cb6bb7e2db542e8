package io.jvmm.policy.probe;

import io.jvmm.ipc.sys.ProbeLayout;
import io.jvmm.policy.bpf.Bpf;
import java.util.List;

/**
 * One thing a probed process tries.
 *
 * @param section heading of the table
 * @param core whether it is tried even when time is short
 * @param name as the table has it
 * @param door how the kernel is entered
 * @param number system call number; of i386 for {@link Door#INT80}
 * @param arguments at most six
 */
public record ProbeCall(
        String section, boolean core, String name, Door door, int number, List<ProbeArgument> arguments) {
    private static final int AUDIT_ARCH_I386 = 0x4000_0003;

    public ProbeCall {
        arguments = List.copyOf(arguments);
    }

    /** The ways into the kernel. */
    public enum Door {
        SYSCALL(ProbeLayout.DOOR_SYSCALL, Bpf.AUDIT_ARCH_X86_64),
        INT80(ProbeLayout.DOOR_INT80, AUDIT_ARCH_I386),
        VSYSCALL(ProbeLayout.DOOR_VSYSCALL, Bpf.AUDIT_ARCH_X86_64);

        private final int code;
        private final int architecture;

        Door(int code, int architecture) {
            this.code = code;
            this.architecture = architecture;
        }

        int code() {
            return code;
        }

        /** What a filter is told of it. */
        int architecture() {
            return architecture;
        }
    }
}
