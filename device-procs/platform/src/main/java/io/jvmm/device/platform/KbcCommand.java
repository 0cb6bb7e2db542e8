package io.jvmm.device.platform;

import org.jspecify.annotations.Nullable;

/**
 * Commands written to port 64, by the names of IBM's PS/2 hardware interface technical reference ("Keyboard and
 * auxiliary device controller") and of the chip sets that followed it. A range of codes is one command.
 */
enum KbcCommand {
    READ_RAM(0x20, 0x3F, false),
    WRITE_RAM(0x60, 0x7F, true),
    TEST_PASSWORD_INSTALLED(0xA4, 0xA4, false),
    DISABLE_AUX(0xA7, 0xA7, false),
    ENABLE_AUX(0xA8, 0xA8, false),
    TEST_AUX_INTERFACE(0xA9, 0xA9, false),
    SELF_TEST(0xAA, 0xAA, false),
    TEST_KEYBOARD_INTERFACE(0xAB, 0xAB, false),
    DISABLE_KEYBOARD(0xAD, 0xAD, false),
    ENABLE_KEYBOARD(0xAE, 0xAE, false),
    READ_INPUT_PORT(0xC0, 0xC0, false),
    READ_OUTPUT_PORT(0xD0, 0xD0, false),
    WRITE_OUTPUT_PORT(0xD1, 0xD1, true),
    WRITE_KEYBOARD_OUTPUT_BUFFER(0xD2, 0xD2, true),
    WRITE_AUX_OUTPUT_BUFFER(0xD3, 0xD3, true),
    WRITE_TO_AUX(0xD4, 0xD4, true),
    DISABLE_A20(0xDD, 0xDD, false),
    ENABLE_A20(0xDF, 0xDF, false),
    READ_TEST_INPUTS(0xE0, 0xE0, false),
    PULSE_OUTPUT_PORT(0xF0, 0xFF, false);

    private static final @Nullable KbcCommand[] BY_CODE = new @Nullable KbcCommand[0x100];

    static {
        for (KbcCommand command : values()) {
            for (int code = command.first; code <= command.last; code++) {
                BY_CODE[code] = command;
            }
        }
    }

    final int first;
    final int last;
    /** Whether the next byte written to port 60 belongs to the command instead of going to the keyboard. */
    final boolean takesData;

    KbcCommand(int first, int last, boolean takesData) {
        this.first = first;
        this.last = last;
        this.takesData = takesData;
    }

    /** The command a byte stands for, or null. */
    static @Nullable KbcCommand of(int code) {
        return BY_CODE[code & 0xFF];
    }
}
