package io.jvmm.device.platform;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The keyboard controller once more, written for clarity with queues and lists instead of a state block, to hold
 * {@link I8042} against. Only reset pulses and interrupt edges leave it, as words in {@link #events}.
 */
final class ReferenceKbc {
    private record Output(int value, boolean aux, boolean timeout) {}

    final List<String> events = new ArrayList<>();
    private final int[] ram = new int[32];
    private final ArrayDeque<Integer> fromKeyboard = new ArrayDeque<>();
    private @Nullable Output buffer;
    private @Nullable Output waiting;
    private int lastValue;
    private boolean lastWriteWasCommand;
    private boolean system = true;
    private boolean a20 = true;
    private int otherLines = 0xCC;
    private int operandOf = -1;
    private int keyboardOperandOf = -1;
    private int scanCodeSet = 2;
    private int lastSent;
    private boolean irq1;
    private boolean irq12;

    ReferenceKbc() {
        ram[0] = 0x65;
    }

    int status() {
        Output full = buffer;
        return (full != null ? 0x01 : 0)
                | (system ? 0x04 : 0)
                | (lastWriteWasCommand ? 0x08 : 0)
                | 0x10
                | (full != null && full.aux ? 0x20 : 0)
                | (full != null && full.timeout ? 0x40 : 0);
    }

    int read() {
        int value = lastValue;
        buffer = null;
        irq1 = false;
        irq12 = false;
        settle();
        return value;
    }

    void command(int code) {
        lastWriteWasCommand = true;
        operandOf = -1;
        if (code >= 0x20 && code < 0x40) {
            answer(ram[code - 0x20]);
        } else if ((code >= 0x60 && code < 0x80) || (code >= 0xD1 && code <= 0xD4)) {
            operandOf = code;
        } else if (code >= 0xF0) {
            if (code % 2 == 0) {
                events.add("reset");
            }
        } else {
            simpleCommand(code);
        }
        settle();
    }

    private void simpleCommand(int code) {
        switch (code) {
            case 0xA4 -> answer(0xF1);
            case 0xA7 -> ram[0] |= 0x20;
            case 0xA8 -> ram[0] &= ~0x20;
            case 0xA9, 0xAB, 0xE0 -> answer(0);
            case 0xAA -> {
                system = true;
                ram[0] |= 0x04;
                answer(0x55);
            }
            case 0xAD -> ram[0] |= 0x10;
            case 0xAE -> ram[0] &= ~0x10;
            case 0xC0 -> answer(0xB0);
            case 0xD0 -> answer(otherLines | (irq12 ? 0x20 : 0) | (irq1 ? 0x10 : 0) | (a20 ? 2 : 0) | 1);
            case 0xDD -> a20 = false;
            case 0xDF -> a20 = true;
            default -> events.add("unknown");
        }
    }

    void data(int value) {
        lastWriteWasCommand = false;
        int command = operandOf;
        operandOf = -1;
        switch (command) {
            case -1 -> {
                ram[0] &= ~0x10;
                keyboard(value);
            }
            case 0xD1 -> {
                a20 = (value & 2) != 0;
                otherLines = value & 0xCC;
                if (value % 2 == 0) {
                    events.add("reset");
                }
            }
            case 0xD2 -> answer(value);
            case 0xD3 -> waiting = new Output(value, true, false);
            case 0xD4 -> {
                ram[0] &= ~0x20;
                waiting = new Output(0xFE, true, true);
            }
            default -> {
                ram[command - 0x60] = value;
                if (command == 0x60) {
                    system = (value & 4) != 0;
                }
            }
        }
        settle();
    }

    private void answer(int value) {
        waiting = new Output(value, false, false);
    }

    private void keyboard(int value) {
        fromKeyboard.clear();
        int command = keyboardOperandOf;
        if (value >= 0xED) {
            command = -1;
            keyboardOperandOf = -1;
        }
        if (command == 0xF0) {
            if (value > 3) {
                fromKeyboard.add(0xFE);
                return;
            }
            keyboardOperandOf = -1;
            fromKeyboard.add(0xFA);
            if (value == 0) {
                fromKeyboard.add(scanCodeSet);
            } else {
                scanCodeSet = value;
            }
        } else if (command >= 0) {
            fromKeyboard.add(0xFA);
            if (command < 0xFB) {
                keyboardOperandOf = -1;
            }
        } else {
            keyboardCommand(value);
        }
    }

    private void keyboardCommand(int value) {
        if (value < 0xED || value == 0xEF || value == 0xF1) {
            fromKeyboard.add(0xFE);
            return;
        }
        if (value == 0xEE || value == 0xFE) {
            fromKeyboard.add(value == 0xEE ? 0xEE : lastSent);
            return;
        }
        fromKeyboard.add(0xFA);
        if (value == 0xED || value == 0xF0 || value == 0xF3 || (value >= 0xFB && value <= 0xFD)) {
            keyboardOperandOf = value;
        } else if (value == 0xF2) {
            fromKeyboard.add(0xAB);
            fromKeyboard.add(0x83);
        } else if (value == 0xF5 || value == 0xF6 || value == 0xFF) {
            scanCodeSet = 2;
            if (value == 0xFF) {
                fromKeyboard.add(0xAA);
            }
        }
    }

    private void settle() {
        Output next = waiting;
        if (buffer == null && next != null) {
            buffer = next;
            waiting = null;
            lastValue = next.value;
        }
        if (buffer == null && (ram[0] & 0x10) == 0 && !fromKeyboard.isEmpty()) {
            int value = fromKeyboard.remove();
            lastSent = value == 0xFE ? lastSent : value;
            boolean translate = (ram[0] & 0x40) != 0;
            int[] translated = {value, 0x43, 0x41, 0x3F};
            lastValue = !translate ? value : value == 0x83 ? 0x41 : value <= 3 ? translated[value] : value;
            buffer = new Output(lastValue, false, false);
        }
        Output full = buffer;
        boolean now1 = full != null && !full.aux && (ram[0] & 1) != 0;
        boolean now12 = full != null && full.aux && (ram[0] & 2) != 0;
        if (now1 && !irq1) {
            events.add("irq 1");
        }
        if (now12 && !irq12) {
            events.add("irq 2");
        }
        irq1 = now1;
        irq12 = now12;
    }
}
