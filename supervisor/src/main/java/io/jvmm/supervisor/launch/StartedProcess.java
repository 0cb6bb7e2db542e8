package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.policy.jail.JailedProcess;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/**
 * A process between its start and its boot record: it runs in its jail and waits at its control socket.
 *
 * @param instance which process of the machine it is to be; for a spare, the one that serves all of its class
 * @param process the kernel's hold on it
 * @param control our end of its control socket
 * @param output what it writes to standard output and error
 * @param variants the ways in which it may live
 * @param mounts where its root has something
 * @param uid the host uid it runs under, if it has one of its own
 */
public record StartedProcess(
        ProcessInstance instance,
        JailedProcess process,
        BootChannel control,
        Fd output,
        List<Variant> variants,
        Set<String> mounts,
        OptionalInt uid) {
    public StartedProcess {
        variants = List.copyOf(variants);
        mounts = Set.copyOf(mounts);
    }

    /** Closes what the supervisor holds of it but the process itself. */
    void close() {
        control.close();
        output.close();
    }
}
