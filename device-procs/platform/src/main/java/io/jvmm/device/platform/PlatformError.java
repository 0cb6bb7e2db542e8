package io.jvmm.device.platform;

/** Guest errors of this device; {@link #code} is the wire value of a GUEST_ERROR event, its detail is the operand. */
enum PlatformError {
    /** A command byte written to port 64 that no keyboard controller defines. Ignored. */
    KBC_UNKNOWN_COMMAND(1),
    /** SLP_EN with a sleep type that the DSDT does not offer. Ignored; the machine stays awake. */
    ACPI_UNKNOWN_SLEEP_TYPE(2),
    /** An access to a region that this device does not have: the board is confused or hostile. */
    UNKNOWN_REGION(3),
    /** A DMA request of the firmware configuration device, or what it asks for, is not in guest memory or too long. */
    FW_CFG_REQUEST(4);

    final int code;

    PlatformError(int code) {
        this.code = code;
    }
}
