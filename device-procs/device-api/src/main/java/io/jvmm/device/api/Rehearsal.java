package io.jvmm.device.api;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Fd;
import org.jspecify.annotations.Nullable;

/**
 * A spare takes over on trial, all of it but the narrow filter, while classes can still be loaded: what it does for the first time when a
 * guest waits would be slow, or its end. The machine it takes over is the one it has warmed up on.
 */
final class Rehearsal {
    /** The first time loads and links; the second is quick, and shows it. */
    private static final int ROUNDS = 2;

    /** A version no device has had. */
    private static final int NO_VERSION = 0x7FFF_FFFF;

    private Rehearsal() {}

    /**
     * Rehearses.
     *
     * @param state what a device made from the example configuration has committed; it goes on from there
     * @param memory guest memory to that state, or null
     * @param nowNs virtual time of that state: the host's clock is behind it when the host has only just booted
     */
    static void run(DeviceFactory factory, Fd state, @Nullable Fd memory, long nowNs) {
        for (int round = 0; round < ROUNDS; round++) {
            takeOver(factory, state, memory, nowNs, "link.renewed", round == 0);
        }
        if (factory.hasCaretaker()) {
            takeOver(
                    factory, state, memory, nowNs, "broken",
                    false); // last: what it leaves is the state of a broken device
        }
        refuse(factory, state, memory);
    }

    private static void takeOver(
            DeviceFactory factory, Fd state, @Nullable Fd memory, long nowNs, String entry, boolean recorded) {
        try (ScratchSupervisor supervisor = new ScratchSupervisor(factory, state, memory)) {
            supervisor.bootStandby(new byte[0], new byte[0]);
            try (DeviceProcess process = spare(factory, supervisor)) {
                supervisor.supervisor().send(SupervisorRequestType.PING);
                supervisor.record(recorded);
                supervisor.assign(entry, "true");
                expect(process.awaitAssignment(), null);
                process.map(Math.max(nowNs, Clock.monotonicNs()));
                process.closeUnused();
                process.ready(process.closeJail(), DeviceMain.threads());
                supervisor.supervisor().send(SupervisorRequestType.START);
                supervisor.supervisor().send(SupervisorRequestType.PING);
                supervisor.supervisor().send(SupervisorRequestType.STOP);
                expect(process.serve(), ProcessExit.STOPPED);
            }
        }
    }

    /** The state is that of a version it cannot read. */
    private static void refuse(DeviceFactory factory, Fd state, @Nullable Fd memory) {
        DeviceIdentity of = factory.identity(factory.exampleConfig());
        try (ScratchSupervisor supervisor = new ScratchSupervisor(factory, state, memory)) {
            supervisor.bootStandby(new byte[0], new byte[0]);
            try (DeviceProcess process = spare(factory, supervisor)) {
                supervisor.assignOld(NO_VERSION, of);
                expect(process.awaitAssignment(), null);
                process.map();
                throw new IllegalStateException("rehearsal: a state of version " + NO_VERSION + " was accepted");
            } catch (StageException e) {
                expect(e.exit(), ProcessExit.STATE_REJECTED);
            }
        }
    }

    private static DeviceProcess spare(DeviceFactory factory, ScratchSupervisor supervisor) {
        DeviceProcess process = DeviceProcess.receive(factory, supervisor.deviceControl(), factory.exampleConfig());
        process.mapSupervisor();
        process.closeUnused();
        return process;
    }

    private static void expect(@Nullable ProcessExit found, @Nullable ProcessExit wanted) {
        if (found != wanted) {
            throw new IllegalStateException("rehearsal: ended with " + found + ", not " + wanted);
        }
    }
}
