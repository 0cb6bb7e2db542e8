package io.jvmm.device.api;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.policy.sys.Seccomp;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The narrow filter of a device that runs alone, from a script or a trace: {@code --jail=off|log|enforce}. */
final class AloneJail {
    private static final short BPF_RET_K = 0x06;
    private static final int SECCOMP_RET_KILL_PROCESS = 0x8000_0000;
    private static final int SECCOMP_RET_LOG = 0x7FFC_0000;

    private AloneJail() {}

    /** What the Java runtime loads when text is printed, and when the program ends: behind the filter it would die of it. */
    private static final List<String> LAST_CLASSES =
            List.of("java.lang.StringUTF16", "java.lang.Shutdown", "java.lang.Shutdown$Lock");

    /** Refuses a mode that is none. */
    static void check(String mode) {
        if (!List.of("off", "log", "enforce").contains(mode)) {
            throw new StageException(
                    ProcessExit.BAD_CONFIGURATION, "--jail=" + mode + "; allowed are off, log, enforce");
        }
    }

    /** Installs the filter; whatever is needed after this has been loaded. */
    static void close(DeviceFactory factory, String mode) throws IOException {
        if (mode.equals("off")) {
            return;
        }
        LAST_CLASSES.forEach(AloneJail::load);
        byte[] filter = narrowFilter(factory);
        try {
            Seccomp.installNarrow(mode.equals("log") ? logInsteadOfKill(filter) : filter);
        } catch (SysException e) {
            throw new StageException(ProcessExit.JAIL_FAILED, "narrow filter: " + e.getMessage(), e);
        }
    }

    private static void load(String name) {
        try {
            Class.forName(name);
        } catch (ClassNotFoundException e) {
            throw new StageException(ProcessExit.JAIL_FAILED, name + " is not in this Java", e);
        }
    }

    /** The filter as the build compiled it: beside the distribution's jars, or in the source tree's build. */
    private static byte[] narrowFilter(DeviceFactory factory) throws IOException {
        String file = factory.name() + ".bpf";
        Path jar = ClassPreloader.source(factory.getClass());
        for (Path at = jar; at != null; at = at.getParent()) {
            for (Path policies : List.of(at.resolve("policies"), at.resolve("policies/target/policies"))) {
                if (Files.isRegularFile(policies.resolve(file))) {
                    return Files.readAllBytes(policies.resolve(file));
                }
            }
        }
        throw new StageException(
                ProcessExit.JAIL_FAILED,
                file + " is in no policies directory above " + jar + "; build it with: mvn package -pl policies");
    }

    /** The same filter, with every kill turned into a line in the kernel's log. */
    private static byte[] logInsteadOfKill(byte[] filter) {
        ByteBuffer instructions = ByteBuffer.wrap(filter.clone()).order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < filter.length; at += Seccomp.INSTRUCTION_BYTES) {
            boolean returnsConstant = instructions.getShort(at) == BPF_RET_K;
            if (returnsConstant && instructions.getInt(at + Integer.BYTES) == SECCOMP_RET_KILL_PROCESS) {
                instructions.putInt(at + Integer.BYTES, SECCOMP_RET_LOG);
            }
        }
        return instructions.array();
    }
}
