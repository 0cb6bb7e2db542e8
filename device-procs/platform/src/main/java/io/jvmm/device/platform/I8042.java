package io.jvmm.device.platform;

import io.jvmm.device.api.DeviceEffects;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The PC's keyboard controller: an 8042 with IBM's PS/2 program. A {@link Ps2Keyboard} hangs on its keyboard port; its
 * auxiliary port works and has nothing plugged in, so whatever is sent there comes back as the byte FE with the
 * time-out bit, at once.
 *
 * <pre>
 *   port 64 read, status   7 PE (0)   6 TO   5 AUXOBF   4 not inhibited (1)   3 A2   2 SYS   1 IBF (0)   0 OBF
 *   command byte (RAM 0)   6 XLATE    5 AUX disable     4 keyboard disable    2 SYS  1 AUX interrupt     0 interrupt
 *   output port            5 AUXOBF interrupt (IRQ 12)  4 OBF interrupt (IRQ 1)      1 A20               0 reset, low
 * </pre>
 *
 * <p>The input buffer is always taken at once, so IBF reads 0. The output buffer holds one byte; while it is full, the
 * controller's next answer waits in one further place (a newer answer replaces it), and the keyboard keeps its bytes.
 * The output port's two interrupt bits are the interrupt lines themselves; a rising edge is an interrupt. A20 is stored
 * and reported but has no wire: no 64-bit guest depends on it.
 *
 * <p>It starts as PC firmware leaves it (keyboard and its interrupt enabled, translation on, aux disabled), since a
 * kernel may be entered without firmware. Device thread only. The guest is hostile: bounded time, no exceptions.
 */
final class I8042 {
    static final int STATUS_OBF = 0x01;
    static final int STATUS_SYS = 0x04;
    static final int STATUS_A2 = 0x08;
    static final int STATUS_NOT_INHIBITED = 0x10;
    static final int STATUS_AUXOBF = 0x20;
    static final int STATUS_TIMEOUT = 0x40;

    static final int COMMAND_INTERRUPT = 0x01;
    static final int COMMAND_AUX_INTERRUPT = 0x02;
    static final int COMMAND_SYS = 0x04;
    static final int COMMAND_KEYBOARD_DISABLE = 0x10;
    static final int COMMAND_AUX_DISABLE = 0x20;
    static final int COMMAND_TRANSLATE = 0x40;

    static final int PORT_RESET_HIGH = 0x01;
    static final int PORT_A20 = 0x02;
    static final int PORT_KEYBOARD_IRQ = 0x10;
    static final int PORT_AUX_IRQ = 0x20;
    /** Data and clock lines of keyboard and aux, idle. */
    static final int PORT_IDLE_LINES = 0xCC;

    private static final int PORT_IRQS = PORT_KEYBOARD_IRQ | PORT_AUX_IRQ;
    private static final int PORT_POWER_ON = PORT_IDLE_LINES | PORT_A20 | PORT_RESET_HIGH;
    private static final int COMMAND_POWER_ON =
            COMMAND_TRANSLATE | COMMAND_AUX_DISABLE | COMMAND_SYS | COMMAND_INTERRUPT;

    /** Input port: keyboard not locked (7), manufacturing jumper absent (5), second RAM bank (4). */
    private static final int INPUT_PORT = 0xB0;

    private static final int SELF_TEST_PASSED = 0x55;
    private static final int INTERFACE_TEST_PASSED = 0x00;
    private static final int NO_PASSWORD = 0xF1;
    private static final int NOT_ANSWERED = 0xFE;

    /** Bits of the status register that are stored; the others are constant. */
    private static final int STATUS_STORED = STATUS_OBF | STATUS_SYS | STATUS_A2 | STATUS_AUXOBF | STATUS_TIMEOUT;

    private static final int FROM_CONTROLLER = STATUS_OBF;
    private static final int FROM_AUX = STATUS_OBF | STATUS_AUXOBF;
    private static final int FROM_AUX_TIMED_OUT = STATUS_OBF | STATUS_AUXOBF | STATUS_TIMEOUT;

    private final AtomicBuffer state;
    private final DeviceEffects effects;
    private final Ps2Keyboard keyboard;

    I8042(AtomicBuffer state, DeviceEffects effects) {
        this.state = state;
        this.effects = effects;
        this.keyboard = new Ps2Keyboard(state);
    }

    /** Power-on and machine reset: as firmware leaves the controller, nothing pending. */
    void reset() {
        for (int i = 0; i < PlatformStateLayout.KBC_RAM_BYTES; i++) {
            put(PlatformStateLayout.KBC_RAM + i, 0);
        }
        put(PlatformStateLayout.KBC_RAM, COMMAND_POWER_ON);
        put(PlatformStateLayout.KBC_STATUS, STATUS_SYS);
        put(PlatformStateLayout.KBC_OUTPUT_BUFFER, 0);
        put(PlatformStateLayout.KBC_PENDING_COMMAND, 0);
        put(PlatformStateLayout.KBC_OUTPUT_PORT, PORT_POWER_ON);
        put(PlatformStateLayout.KBC_RESPONSE, 0);
        put(PlatformStateLayout.KBC_RESPONSE_STATUS, 0);
        keyboard.powerOn();
    }

    /** Port 64 read. */
    int readStatus() {
        return get(PlatformStateLayout.KBC_STATUS) | STATUS_NOT_INHIBITED;
    }

    /** Port 60 read: takes the byte out of the output buffer, lowers its interrupt line, lets the next byte in. */
    int readData() {
        int value = get(PlatformStateLayout.KBC_OUTPUT_BUFFER);
        put(
                PlatformStateLayout.KBC_STATUS,
                get(PlatformStateLayout.KBC_STATUS) & ~(STATUS_OBF | STATUS_AUXOBF | STATUS_TIMEOUT));
        put(PlatformStateLayout.KBC_OUTPUT_PORT, get(PlatformStateLayout.KBC_OUTPUT_PORT) & ~PORT_IRQS);
        refresh();
        return value;
    }

    /** Port 60 write: the operand of a controller command that waits for one, else a byte for the keyboard. */
    void writeData(int value) {
        put(PlatformStateLayout.KBC_STATUS, get(PlatformStateLayout.KBC_STATUS) & ~STATUS_A2);
        int pending = get(PlatformStateLayout.KBC_PENDING_COMMAND);
        put(PlatformStateLayout.KBC_PENDING_COMMAND, 0);
        KbcCommand command = KbcCommand.of(pending);
        if (command == null) {
            // Sending to the keyboard re-enables its interface.
            clearCommandBits(COMMAND_KEYBOARD_DISABLE);
            keyboard.receive(value);
        } else {
            operand(command, pending, value);
        }
        refresh();
    }

    /** Port 64 write: a command; one that waits for its operand is forgotten. */
    void writeCommand(int value) {
        put(PlatformStateLayout.KBC_STATUS, get(PlatformStateLayout.KBC_STATUS) | STATUS_A2);
        put(PlatformStateLayout.KBC_PENDING_COMMAND, 0);
        KbcCommand command = KbcCommand.of(value);
        if (command == null) {
            effects.guestError(PlatformError.KBC_UNKNOWN_COMMAND.code, value);
        } else if (command.takesData) {
            put(PlatformStateLayout.KBC_PENDING_COMMAND, value);
        } else {
            execute(command, value);
        }
        refresh();
    }

    private void execute(KbcCommand command, int code) {
        switch (command) {
            case READ_RAM -> respond(get(PlatformStateLayout.KBC_RAM + (code & 0x1F)), FROM_CONTROLLER);
            case TEST_PASSWORD_INSTALLED -> respond(NO_PASSWORD, FROM_CONTROLLER);
            case DISABLE_AUX -> setCommandBits(COMMAND_AUX_DISABLE);
            case ENABLE_AUX -> clearCommandBits(COMMAND_AUX_DISABLE);
            case TEST_AUX_INTERFACE, TEST_KEYBOARD_INTERFACE -> respond(INTERFACE_TEST_PASSED, FROM_CONTROLLER);
            case SELF_TEST -> {
                setCommandBits(COMMAND_SYS);
                put(PlatformStateLayout.KBC_STATUS, get(PlatformStateLayout.KBC_STATUS) | STATUS_SYS);
                respond(SELF_TEST_PASSED, FROM_CONTROLLER);
            }
            case DISABLE_KEYBOARD -> setCommandBits(COMMAND_KEYBOARD_DISABLE);
            case ENABLE_KEYBOARD -> clearCommandBits(COMMAND_KEYBOARD_DISABLE);
            case READ_INPUT_PORT -> respond(INPUT_PORT, FROM_CONTROLLER);
            case READ_OUTPUT_PORT -> respond(get(PlatformStateLayout.KBC_OUTPUT_PORT), FROM_CONTROLLER);
            case DISABLE_A20 ->
                put(PlatformStateLayout.KBC_OUTPUT_PORT, get(PlatformStateLayout.KBC_OUTPUT_PORT) & ~PORT_A20);
            case ENABLE_A20 ->
                put(PlatformStateLayout.KBC_OUTPUT_PORT, get(PlatformStateLayout.KBC_OUTPUT_PORT) | PORT_A20);
            case READ_TEST_INPUTS -> respond(0, FROM_CONTROLLER);
            case PULSE_OUTPUT_PORT -> {
                // A zero in the low four bits pulses that line of the output port low; line 0 is the reset line.
                if ((code & PORT_RESET_HIGH) == 0) {
                    effects.power(PowerAction.RESET, PowerOrigin.I8042);
                }
            }
            case WRITE_RAM, WRITE_OUTPUT_PORT, WRITE_KEYBOARD_OUTPUT_BUFFER, WRITE_AUX_OUTPUT_BUFFER, WRITE_TO_AUX -> {}
        }
    }

    private void operand(KbcCommand command, int code, int value) {
        switch (command) {
            case WRITE_RAM -> {
                put(PlatformStateLayout.KBC_RAM + (code & 0x1F), value);
                if ((code & 0x1F) == 0) {
                    int status = get(PlatformStateLayout.KBC_STATUS) & ~STATUS_SYS;
                    put(PlatformStateLayout.KBC_STATUS, status | (value & COMMAND_SYS));
                }
            }
            case WRITE_OUTPUT_PORT -> {
                // The interrupt lines are driven by the controller's own program, not by this command.
                int lines = get(PlatformStateLayout.KBC_OUTPUT_PORT) & PORT_IRQS;
                put(PlatformStateLayout.KBC_OUTPUT_PORT, (value & ~PORT_IRQS) | PORT_RESET_HIGH | lines);
                if ((value & PORT_RESET_HIGH) == 0) {
                    effects.power(PowerAction.RESET, PowerOrigin.I8042);
                }
            }
            case WRITE_KEYBOARD_OUTPUT_BUFFER -> respond(value, FROM_CONTROLLER);
            case WRITE_AUX_OUTPUT_BUFFER -> respond(value, FROM_AUX);
            case WRITE_TO_AUX -> {
                clearCommandBits(COMMAND_AUX_DISABLE);
                respond(NOT_ANSWERED, FROM_AUX_TIMED_OUT);
            }
            case READ_RAM,
                    TEST_PASSWORD_INSTALLED,
                    DISABLE_AUX,
                    ENABLE_AUX,
                    TEST_AUX_INTERFACE,
                    SELF_TEST,
                    TEST_KEYBOARD_INTERFACE,
                    DISABLE_KEYBOARD,
                    ENABLE_KEYBOARD,
                    READ_INPUT_PORT,
                    READ_OUTPUT_PORT,
                    DISABLE_A20,
                    ENABLE_A20,
                    READ_TEST_INPUTS,
                    PULSE_OUTPUT_PORT -> {}
        }
    }

    private void respond(int value, int source) {
        put(PlatformStateLayout.KBC_RESPONSE, value);
        put(PlatformStateLayout.KBC_RESPONSE_STATUS, source);
    }

    /** Fills an empty output buffer, the controller's answer first, and drives the interrupt lines from it. */
    private void refresh() {
        int status = get(PlatformStateLayout.KBC_STATUS);
        int command = get(PlatformStateLayout.KBC_RAM);
        if ((status & STATUS_OBF) == 0) {
            int response = get(PlatformStateLayout.KBC_RESPONSE_STATUS);
            if (response != 0) {
                put(PlatformStateLayout.KBC_OUTPUT_BUFFER, get(PlatformStateLayout.KBC_RESPONSE));
                put(PlatformStateLayout.KBC_RESPONSE, 0);
                put(PlatformStateLayout.KBC_RESPONSE_STATUS, 0);
                status |= response;
            } else if ((command & COMMAND_KEYBOARD_DISABLE) == 0 && keyboard.hasByte()) {
                int scanCode = keyboard.takeByte();
                put(
                        PlatformStateLayout.KBC_OUTPUT_BUFFER,
                        (command & COMMAND_TRANSLATE) != 0 ? Ps2Keyboard.translate(scanCode) : scanCode);
                status |= STATUS_OBF;
            }
            put(PlatformStateLayout.KBC_STATUS, status);
        }
        int before = get(PlatformStateLayout.KBC_OUTPUT_PORT);
        int lines = interruptLines(status, command);
        put(PlatformStateLayout.KBC_OUTPUT_PORT, (before & ~PORT_IRQS) | lines);
        interrupt(lines & ~before);
    }

    private void interrupt(int rising) {
        if ((rising & PORT_KEYBOARD_IRQ) != 0) {
            effects.interrupt(PlatformIdentity.IRQ_KEYBOARD);
        }
        if ((rising & PORT_AUX_IRQ) != 0) {
            effects.interrupt(PlatformIdentity.IRQ_AUX);
        }
    }

    /** The lines that are asserted: once more. */
    void interruptAgain() {
        interrupt(get(PlatformStateLayout.KBC_OUTPUT_PORT));
    }

    private static int interruptLines(int status, int command) {
        if ((status & STATUS_OBF) == 0) {
            return 0;
        }
        if ((status & STATUS_AUXOBF) != 0) {
            return (command & COMMAND_AUX_INTERRUPT) != 0 ? PORT_AUX_IRQ : 0;
        }
        return (command & COMMAND_INTERRUPT) != 0 ? PORT_KEYBOARD_IRQ : 0;
    }

    private void setCommandBits(int bits) {
        put(PlatformStateLayout.KBC_RAM, get(PlatformStateLayout.KBC_RAM) | bits);
    }

    private void clearCommandBits(int bits) {
        put(PlatformStateLayout.KBC_RAM, get(PlatformStateLayout.KBC_RAM) & ~bits);
    }

    private int get(int offset) {
        return state.getByte(offset) & 0xFF;
    }

    private void put(int offset, int value) {
        state.putByte(offset, (byte) value);
    }

    /** Examines this core's part of a block from outside; see {@link PlatformStateCheck#violation}. */
    static @Nullable String violation(AtomicBuffer state) {
        int status = state.getByte(PlatformStateLayout.KBC_STATUS) & 0xFF;
        boolean sourceWithoutByte = (status & STATUS_OBF) == 0 && (status & (STATUS_AUXOBF | STATUS_TIMEOUT)) != 0;
        if ((status & ~STATUS_STORED) != 0 || sourceWithoutByte) {
            return "kbc.status";
        }
        int pending = state.getByte(PlatformStateLayout.KBC_PENDING_COMMAND) & 0xFF;
        KbcCommand command = KbcCommand.of(pending);
        if (pending != 0 && (command == null || !command.takesData)) {
            return "kbc.pendingCommand";
        }
        int response = state.getByte(PlatformStateLayout.KBC_RESPONSE_STATUS) & 0xFF;
        if (response != 0 && response != FROM_CONTROLLER && response != FROM_AUX && response != FROM_AUX_TIMED_OUT) {
            return "kbc.responseStatus";
        }
        int port = state.getByte(PlatformStateLayout.KBC_OUTPUT_PORT) & 0xFF;
        int lines = interruptLines(status, state.getByte(PlatformStateLayout.KBC_RAM) & 0xFF);
        if ((port & PORT_RESET_HIGH) == 0 || (port & PORT_IRQS) != lines) {
            return "kbc.outputPort";
        }
        return Ps2Keyboard.violation(state);
    }
}
