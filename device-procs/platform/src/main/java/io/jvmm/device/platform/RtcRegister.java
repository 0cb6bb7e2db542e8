package io.jvmm.device.platform;

import java.util.Arrays;

/**
 * The bytes behind the CMOS index port, by the names of the MC146818A data sheet (table 2, figure 14) and, for the
 * century byte, of the PC (ACPI 6.5 §5.2.9, FADT field CENTURY). Every other index is {@link #RAM}.
 */
enum RtcRegister {
    SECONDS(0x00, Access.READ_WRITE),
    SECONDS_ALARM(0x01, Access.READ_WRITE),
    MINUTES(0x02, Access.READ_WRITE),
    MINUTES_ALARM(0x03, Access.READ_WRITE),
    HOURS(0x04, Access.READ_WRITE),
    HOURS_ALARM(0x05, Access.READ_WRITE),
    DAY_OF_WEEK(0x06, Access.READ_WRITE),
    DATE_OF_MONTH(0x07, Access.READ_WRITE),
    MONTH(0x08, Access.READ_WRITE),
    YEAR(0x09, Access.READ_WRITE),
    REGISTER_A(0x0A, Access.READ_WRITE),
    REGISTER_B(0x0B, Access.READ_WRITE),
    REGISTER_C(0x0C, Access.READ_CLEARS),
    REGISTER_D(0x0D, Access.READ_WRITE),
    CENTURY(0x32, Access.READ_WRITE),
    RAM(-1, Access.READ_WRITE);

    /** How software may touch a register. */
    enum Access {
        READ_WRITE,
        READ_CLEARS
    }

    private static final RtcRegister[] BY_INDEX = new RtcRegister[PlatformStateLayout.CMOS_BYTES];

    static {
        Arrays.fill(BY_INDEX, RAM);
        for (RtcRegister register : values()) {
            if (register.index >= 0) {
                BY_INDEX[register.index] = register;
            }
        }
    }

    final int index;
    final Access access;

    RtcRegister(int index, Access access) {
        this.index = index;
        this.access = access;
    }

    /** The register that an index selects; only the low seven bits count. */
    static RtcRegister of(int index) {
        return BY_INDEX[index & 0x7F];
    }
}
