package io.jvmm.device.platform;

import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A PS/2 keyboard on which nobody types: it answers every command as IBM's "101- and 102-key keyboard" does (PS/2
 * hardware interface technical reference, "Commands from the system"), at once, so that a driver's probe is satisfied
 * and quick. Its self-test takes no time.
 *
 * <p>Pure state in the state block; the controller asks for bytes when its output buffer is free. A command discards
 * what the keyboard had still to send, so the queue never overflows. Device thread only; the guest is hostile.
 */
final class Ps2Keyboard {
    static final int ACK = 0xFA;
    static final int RESEND = 0xFE;
    static final int ECHO = 0xEE;
    static final int SELF_TEST_PASSED = 0xAA;
    static final int ID_FIRST = 0xAB;
    static final int ID_SECOND = 0x83;
    static final int DEFAULT_SCAN_CODE_SET = 2;
    /** 10.9 characters a second after 500 ms. */
    static final int DEFAULT_TYPEMATIC = 0x2B;

    static final int SET_INDICATORS = 0xED;
    static final int SELECT_SCAN_CODES = 0xF0;
    static final int READ_ID = 0xF2;
    static final int SET_TYPEMATIC = 0xF3;
    static final int ENABLE = 0xF4;
    static final int DEFAULT_DISABLE = 0xF5;
    static final int SET_DEFAULT = 0xF6;
    /** F7 to FA: all keys typematic, make/break, make, or all three (scan code set 3). */
    static final int SET_ALL_KEYS_FIRST = 0xF7;

    static final int SET_ALL_KEYS_LAST = 0xFA;
    /** FB to FD: the same for single keys, named by the scan codes that follow. */
    static final int SET_KEY_TYPE_FIRST = 0xFB;

    static final int SET_KEY_TYPE_LAST = 0xFD;
    static final int RESET = 0xFF;

    /** The smallest byte that is a command and never an operand. */
    private static final int FIRST_COMMAND = SET_INDICATORS;

    private final AtomicBuffer state;

    Ps2Keyboard(AtomicBuffer state) {
        this.state = state;
    }

    /** Power-on without the AA that follows it: firmware has long taken that. */
    void powerOn() {
        defaults();
        put(PlatformStateLayout.KBD_SCANNING, 1);
        put(PlatformStateLayout.KBD_QUEUE_LENGTH, 0);
        for (int i = 0; i < PlatformStateLayout.KBD_QUEUE_BYTES; i++) {
            put(PlatformStateLayout.KBD_QUEUE + i, 0);
        }
        put(PlatformStateLayout.KBD_LAST_SENT, 0);
    }

    /** A byte from the system: a command or the operand of one. */
    void receive(int value) {
        int pending = get(PlatformStateLayout.KBD_PENDING_COMMAND);
        if (pending != 0 && value < FIRST_COMMAND) {
            operand(pending, value);
        } else {
            put(PlatformStateLayout.KBD_PENDING_COMMAND, 0);
            command(value);
        }
    }

    boolean hasByte() {
        return get(PlatformStateLayout.KBD_QUEUE_LENGTH) != 0;
    }

    /** The next byte for the system; call only when there {@linkplain #hasByte is} one. */
    int takeByte() {
        int value = get(PlatformStateLayout.KBD_QUEUE);
        int length = get(PlatformStateLayout.KBD_QUEUE_LENGTH) - 1;
        for (int i = 0; i < length; i++) {
            put(PlatformStateLayout.KBD_QUEUE + i, get(PlatformStateLayout.KBD_QUEUE + i + 1));
        }
        put(PlatformStateLayout.KBD_QUEUE + length, 0);
        put(PlatformStateLayout.KBD_QUEUE_LENGTH, length);
        if (value != RESEND) {
            put(PlatformStateLayout.KBD_LAST_SENT, value);
        }
        return value;
    }

    /**
     * What the controller's translation to scan code set 1 makes of the bytes this keyboard sends: only the second
     * identification byte and the numbers of scan code sets are below 84 (hex) and change.
     */
    static int translate(int value) {
        return switch (value) {
            case 0x01 -> 0x43;
            case 0x02 -> 0x41;
            case 0x03 -> 0x3F;
            case ID_SECOND -> 0x41;
            default -> value;
        };
    }

    private void command(int value) {
        int lastSent = get(PlatformStateLayout.KBD_LAST_SENT);
        put(PlatformStateLayout.KBD_QUEUE_LENGTH, 0);
        switch (value) {
            case ECHO -> send(ECHO);
            case SET_INDICATORS, SELECT_SCAN_CODES, SET_TYPEMATIC -> {
                put(PlatformStateLayout.KBD_PENDING_COMMAND, value);
                send(ACK);
            }
            case READ_ID -> {
                send(ACK);
                send(ID_FIRST);
                send(ID_SECOND);
            }
            case ENABLE -> {
                put(PlatformStateLayout.KBD_SCANNING, 1);
                send(ACK);
            }
            case DEFAULT_DISABLE -> {
                defaults();
                put(PlatformStateLayout.KBD_SCANNING, 0);
                send(ACK);
            }
            case SET_DEFAULT -> {
                defaults();
                send(ACK);
            }
            case RESEND -> send(lastSent);
            case RESET -> {
                defaults();
                put(PlatformStateLayout.KBD_SCANNING, 1);
                send(ACK);
                send(SELF_TEST_PASSED);
            }
            default -> {
                if (value >= SET_ALL_KEYS_FIRST && value <= SET_ALL_KEYS_LAST) {
                    send(ACK);
                } else if (value >= SET_KEY_TYPE_FIRST && value <= SET_KEY_TYPE_LAST) {
                    put(PlatformStateLayout.KBD_PENDING_COMMAND, value);
                    send(ACK);
                } else {
                    send(RESEND);
                }
            }
        }
    }

    private void operand(int pending, int value) {
        put(PlatformStateLayout.KBD_QUEUE_LENGTH, 0);
        switch (pending) {
            case SET_INDICATORS -> {
                put(PlatformStateLayout.KBD_INDICATORS, value & 0x07);
                done();
            }
            case SET_TYPEMATIC -> {
                put(PlatformStateLayout.KBD_TYPEMATIC, value & 0x7F);
                done();
            }
            case SELECT_SCAN_CODES -> selectScanCodes(value);
            // FB to FD take scan codes until another command comes.
            default -> send(ACK);
        }
    }

    private void selectScanCodes(int value) {
        if (value > 3) {
            send(RESEND);
            return;
        }
        done();
        if (value == 0) {
            send(get(PlatformStateLayout.KBD_SCAN_CODE_SET));
        } else {
            put(PlatformStateLayout.KBD_SCAN_CODE_SET, value);
        }
    }

    private void done() {
        put(PlatformStateLayout.KBD_PENDING_COMMAND, 0);
        send(ACK);
    }

    private void defaults() {
        put(PlatformStateLayout.KBD_PENDING_COMMAND, 0);
        put(PlatformStateLayout.KBD_SCAN_CODE_SET, DEFAULT_SCAN_CODE_SET);
        put(PlatformStateLayout.KBD_INDICATORS, 0);
        put(PlatformStateLayout.KBD_TYPEMATIC, DEFAULT_TYPEMATIC);
    }

    private void send(int value) {
        int length = get(PlatformStateLayout.KBD_QUEUE_LENGTH);
        put(PlatformStateLayout.KBD_QUEUE + length, value);
        put(PlatformStateLayout.KBD_QUEUE_LENGTH, length + 1);
    }

    private int get(int offset) {
        return state.getByte(offset) & 0xFF;
    }

    private void put(int offset, int value) {
        state.putByte(offset, (byte) value);
    }

    /** Examines this core's part of a block from outside; see {@link PlatformStateCheck#violation}. */
    static @Nullable String violation(AtomicBuffer state) {
        if ((state.getByte(PlatformStateLayout.KBD_QUEUE_LENGTH) & 0xFF) > PlatformStateLayout.KBD_QUEUE_BYTES) {
            return "kbd.queueLength";
        }
        int pending = state.getByte(PlatformStateLayout.KBD_PENDING_COMMAND) & 0xFF;
        boolean takesOperand = switch (pending) {
            case 0, SET_INDICATORS, SELECT_SCAN_CODES, SET_TYPEMATIC -> true;
            default -> pending >= SET_KEY_TYPE_FIRST && pending <= SET_KEY_TYPE_LAST;
        };
        if (!takesOperand) {
            return "kbd.pendingCommand";
        }
        int set = state.getByte(PlatformStateLayout.KBD_SCAN_CODE_SET);
        if (set < 1 || set > 3) {
            return "kbd.scanCodeSet";
        }
        if ((state.getByte(PlatformStateLayout.KBD_INDICATORS) & ~0x07) != 0) {
            return "kbd.indicators";
        }
        if ((state.getByte(PlatformStateLayout.KBD_TYPEMATIC) & 0x80) != 0) {
            return "kbd.typematic";
        }
        return (state.getByte(PlatformStateLayout.KBD_SCANNING) & ~1) == 0 ? null : "kbd.scanning";
    }
}
