package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.supervisor.launch.ProcessInstance;

/** Everything that can happen to a machine, as the state machine sees it. */
public sealed interface MachineEvent {
    /** A process has closed its jail and is ready to serve. */
    record Ready(ProcessInstance process) implements MachineEvent {}

    /** What is to be recorded from the start is, or cannot be. */
    record RecordingKnown() implements MachineEvent {}

    /**
     * A process ended.
     *
     * @param how it did, as the kernel says
     * @param lastWords the last line it said, or empty
     */
    record Ended(ProcessInstance process, int pid, ExitStatus how, String lastWords) implements MachineEvent {}

    /** SIGTERM or SIGHUP: press the power button. */
    record PowerButton(String signal) implements MachineEvent {}

    /** SIGINT: the first presses the power button, the second kills. */
    record Interrupt() implements MachineEvent {}

    /** The escape key. */
    record Escape(int port) implements MachineEvent {}

    /** A client of the control socket wants the end. */
    record StopRequested() implements MachineEvent {}

    /** What the guest did last. */
    enum Stop {
        POWERED_OFF,
        RESET,
        CRASHED,
        ENGINE_ERROR
    }

    /** The guest has stopped; {@code rip} and {@code detail} are as the engine gave them. */
    record GuestStopped(Stop cause, int vcpu, long rip, long detail) implements MachineEvent {}

    /** The guest waited for a device in vain. */
    record DeviceHung(ProcessInstance device, long waitedNs) implements MachineEvent {}

    /**
     * A process sent what the protocol does not allow.
     *
     * @param reporter who noticed; the supervisor itself when it is the offender's supervisor link
     * @param what the offence, with the offending bytes in hexadecimal
     */
    record Violation(ProcessInstance offender, String reporter, String what) implements MachineEvent {
        /** The reporter of what it has seen itself. */
        public static final String SUPERVISOR = "the supervisor";
    }

    /**
     * A process on which the machine depends does not do what it must.
     *
     * @param what a clause, to be read behind its name
     * @param advice sentences; empty where there is none
     */
    record Failed(ProcessInstance process, String what, String advice) implements MachineEvent {}

    /** The supervisor could not do something that the machine needs. */
    record HostFailure(String message) implements MachineEvent {}
}
