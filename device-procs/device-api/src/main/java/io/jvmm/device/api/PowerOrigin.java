package io.jvmm.device.api;

/** Through which device the guest asked for a {@link PowerAction}; codes of the POWER record. */
public enum PowerOrigin {
    ACPI(1),
    I8042(2),
    CF9(3);

    private final int code;

    PowerOrigin(int code) {
        this.code = code;
    }

    /** The value on the wire. */
    public int code() {
        return code;
    }
}
