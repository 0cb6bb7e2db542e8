package io.jvmm.ipc.link;

/** Which two parties a link joins. Numbers go over the wire. */
public enum LinkKind {
    /** vCPU process and device process. */
    DEVICE(1),
    /** Supervisor and any other process. */
    SUPERVISOR(2);

    private final int number;

    LinkKind(int number) {
        this.number = number;
    }

    public int number() {
        return number;
    }
}
