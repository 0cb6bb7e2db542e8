package io.jvmm.supervisor.launch;

/**
 * How a device goes from one process to the next.
 *
 * @param renewed whether the link to the vCPU process begins anew, whatever position the state has
 * @param broken whether it has been given up: the next one is a caretaker, which gets nothing of the host
 */
public record Handover(boolean renewed, boolean broken) {

    /** That of a device's first process. */
    static final Handover FIRST = new Handover(false, false);
}
