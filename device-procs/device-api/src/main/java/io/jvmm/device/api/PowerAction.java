package io.jvmm.device.api;

/** What the guest asked of the machine's power; codes of the POWER record. */
public enum PowerAction {
    POWER_OFF(1),
    RESET(2);

    private final int code;

    PowerAction(int code) {
        this.code = code;
    }

    /** The value on the wire. */
    public int code() {
        return code;
    }
}
