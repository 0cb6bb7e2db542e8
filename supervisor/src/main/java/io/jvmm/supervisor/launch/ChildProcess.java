package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Pidfd;
import io.jvmm.policy.jail.JailedProcess;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/**
 * One process of a machine, as the supervisor holds it. Used by the event-loop thread.
 *
 * @param instance which one; of a spare, the one that serves all of its class
 * @param process the kernel's hold on it
 * @param control socket over which it got its boot record; its end tells the process that the supervisor is gone
 * @param output what it writes to standard output and error: a JVM's dying words
 * @param link its supervisor link, made for it alone
 * @param endpoint our end of that
 * @param requestDoorbell wakes it when it sleeps
 * @param eventDoorbell rung when it sends an event while we sleep
 * @param variants the ways in which it may live, each with the filter that it must have installed when it is READY
 * @param filters how many filters it must have then
 * @param given what the kernel calls the descriptors of its boot record
 * @param mounts where its root has something: what it was started with, of whatever distribution that was
 * @param hostUid the uid it must run under, if it has one of its own
 */
public record ChildProcess(
        ProcessInstance instance,
        JailedProcess process,
        BootChannel control,
        Fd output,
        LinkMemory link,
        SupervisorEndpoint endpoint,
        EventFd requestDoorbell,
        EventFd eventDoorbell,
        List<Variant> variants,
        int filters,
        Set<String> given,
        Set<String> mounts,
        OptionalInt hostUid) {
    /** The wide filter and the narrow one; or, of a spare, the one for spares. */
    public static final int WIDE_AND_ONE = 2;

    /** The wide filter, the one for spares, and the narrow one. */
    public static final int OF_A_SPARE_THAT_SERVES = 3;

    public ChildProcess {
        variants = List.copyOf(variants);
        given = Set.copyOf(given);
        mounts = Set.copyOf(mounts);
    }

    public int pid() {
        return process.pid();
    }

    public Pidfd pidfd() {
        return process.pidfd();
    }

    /** The same process, which has been given a device: it is READY again when it has another filter. */
    ChildProcess assigned(ProcessInstance device, List<Variant> variantsNow, Set<String> givenNow) {
        Set<String> all = new HashSet<>(given);
        all.addAll(givenNow);
        return new ChildProcess(
                device,
                process,
                control,
                output,
                link,
                endpoint,
                requestDoorbell,
                eventDoorbell,
                variantsNow,
                OF_A_SPARE_THAT_SERVES,
                all,
                mounts,
                hostUid);
    }

    /** Closes what the supervisor holds of a process that has been collected. */
    void close() {
        link.close();
        requestDoorbell.close();
        eventDoorbell.close();
        control.close();
        output.close();
        process.pidfd().close();
    }
}
