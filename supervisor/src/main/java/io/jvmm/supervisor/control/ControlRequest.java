package io.jvmm.supervisor.control;

import java.nio.file.Path;

/** What a client of the control socket asks for; complete and in range, whether it makes sense is the machine's to know. */
public sealed interface ControlRequest {
    /** How the machine is. */
    record Status() implements ControlRequest {}

    /** Its device processes. */
    record Devices() implements ControlRequest {}

    /** What a device has committed. {@code device}: name of a device, or of a process: all its devices. */
    record State(String device) implements ControlRequest {}

    /** How full the links are, and who sleeps. */
    record Links() implements ControlRequest {}

    /** How long guests have waited for devices that were replaced. */
    record Stalls() implements ControlRequest {}

    /** Replace a device process by a fresh one with the same state. {@code device}: name of a process. */
    record Restart(String device) implements ControlRequest {}

    /** SIGKILL to a device process, as if it had died; it is replaced as any that dies. */
    record Kill(String device) implements ControlRequest {}

    /**
     * Replace device processes by those of another distribution.
     *
     * @param device name of a process, or of a class: all of its processes, one after the other
     * @param dist absolute path of the distribution
     */
    record Upgrade(String device, Path dist) implements ControlRequest {}

    /** What is recorded. */
    record Journal(Recording what, String device) implements ControlRequest {
        /** What is to become of a recording. */
        public enum Recording {
            START,
            STOP,
            ROTATE,
            STATUS
        }
    }
    /** The last events of the machine's life. */
    record Events() implements ControlRequest {}

    /** Where the stream of telemetry is; it begins, if it was not there. */
    record Observe() implements ControlRequest {}

    /** How everything is, as OpenMetrics text. */
    record Metrics() implements ControlRequest {}

    /** Trace one request of {@code every} of a device; 0: none. */
    record Trace(String device, int every) implements ControlRequest {}

    /** Stop the guest's processors; everything stays. */
    record Pause() implements ControlRequest {}

    /** Go on after a pause. */
    record Resume() implements ControlRequest {}

    /** Press the power button. */
    record PowerButton() implements ControlRequest {}

    /** End the machine, without asking the guest. */
    record Stop() implements ControlRequest {}
}
