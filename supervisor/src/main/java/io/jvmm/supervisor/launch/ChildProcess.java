package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Pidfd;
import io.jvmm.policy.jail.JailedProcess;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/**
 * One process of a machine, as the supervisor holds it. Used by the event-loop thread.
 *
 * @param instance which one
 * @param process the kernel's hold on it
 * @param control socket over which it got its boot record; its end tells the process that the supervisor is gone
 * @param output what it writes to standard output and error: a JVM's dying words
 * @param endpoint the supervisor link
 * @param eventDoorbell rung when it sends an event while we sleep
 * @param variants the ways in which it may live, each with the narrow filter that it must install then
 * @param given what the kernel calls the descriptors of its boot record
 * @param hostUid the uid it must run under, if it has one of its own
 */
public record ChildProcess(
        ProcessInstance instance,
        JailedProcess process,
        BootChannel control,
        Fd output,
        SupervisorEndpoint endpoint,
        EventFd eventDoorbell,
        List<Variant> variants,
        Set<String> given,
        OptionalInt hostUid) {
    public ChildProcess {
        variants = List.copyOf(variants);
        given = Set.copyOf(given);
    }

    public int pid() {
        return process.pid();
    }

    public Pidfd pidfd() {
        return process.pidfd();
    }
}
