package io.jvmm.supervisor.lifecycle;

import io.jvmm.supervisor.launch.ProcessInstance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * How long the vCPU process may take to do what it is told while the guest runs, and what is said of one that does not: the machine
 * cannot go on, for none of its devices can be replaced. Event-loop thread only.
 */
final class BoardPatience {
    /** It acknowledges at once, or within a second where it has to stop the guest's processors, unless it hangs. */
    static final long NS = 10_000_000_000L;

    private BoardPatience() {}

    /** When it must have answered what it was asked first; {@link MachineLifecycle#NEVER} when it owes nothing. */
    static long deadlineNs(ChildWatch board) {
        long sent = board.oldestSentNs();
        return sent == MachineLifecycle.NEVER ? sent : sent + NS;
    }

    /** It has not answered: what, for how long, what it does instead, and what to do. It owes something. */
    static MachineEvent.Failed failed(ChildWatch board) {
        return board.pending().stream()
                .findFirst()
                .map(asked -> failed(board.child().pid(), asked))
                .orElseThrow(() -> new IllegalStateException("it owes nothing"));
    }

    static MachineEvent.Failed failed(int pid, ChildWatch.Asked asked) {
        String text =
                "(pid " + pid + ") " + words(asked) + ", and did not answer within " + NS / 1_000_000_000L + " s: ";
        return switch (state(pid)) {
            case 'T', 't' ->
                new MachineEvent.Failed(
                        ProcessInstance.VCPU,
                        text + "it is stopped, by a signal or a debugger",
                        "Start it anew. Where a process has to be stopped, jvmmctl pause lets the guest stand still for as long as"
                                + " you like.");
            case 'D' ->
                new MachineEvent.Failed(
                        ProcessInstance.VCPU,
                        text + "it waits in the kernel",
                        "Start it anew; the host's log (dmesg) may say what it waits for.");
            default ->
                new MachineEvent.Failed(
                        ProcessInstance.VCPU,
                        text + "it hangs, or the host has no processor for it",
                        "Start it anew. On a host that was not overloaded this is a bug of jvmm's: please report it.");
        };
    }

    private static String words(ChildWatch.Asked asked) {
        String device = asked.about().process();
        return switch (asked.request()) {
            case DEVICE_AWAY -> "was told that the process of device " + device + " is gone (DEVICE_AWAY)";
            case DEVICE_BACK -> "was told that device " + device + " is served again (DEVICE_BACK)";
            case DEVICE_BROKEN -> "was told that device " + device + " is broken (DEVICE_BROKEN)";
            case PAUSE -> "was asked to let the guest stand still (PAUSE)";
            case RESUME -> "was asked to let the guest run on (RESUME)";
            case START, DRAIN, STOP, POWER_BUTTON, RESIZE, BALLOON, PING -> "was asked " + asked.request();
        };
    }

    /** As proc(5) has it in {@code stat}, behind the name in brackets; a question mark where it cannot be seen. */
    private static char state(int pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            int behindName = stat.lastIndexOf(')') + 2;
            return behindName > 1 && behindName < stat.length() ? stat.charAt(behindName) : '?';
        } catch (IOException e) {
            return '?';
        }
    }
}
