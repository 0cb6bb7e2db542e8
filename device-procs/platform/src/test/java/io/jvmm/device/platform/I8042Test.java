package io.jvmm.device.platform;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.TestSeed;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * The keyboard controller against IBM's PS/2 hardware interface technical reference, and against what Linux's drivers
 * i8042, atkbd and psmouse do at probe, shutdown and reboot, in their order.
 */
class I8042Test {
    private static final int DATA = 0x60;
    private static final int COMMAND = 0x64;
    private static final int OBF = 0x01;
    private static final int AUXOBF = 0x20;
    private static final int TIMEOUT = 0x40;

    private final Machine m = new Machine(0);

    @Test
    void statusAtPowerOnIsSystemFlagAndNotInhibited() {
        assertEquals(0x14, m.in(COMMAND));
    }

    @Test
    void statusShowsWhetherTheLastWriteWasACommand() {
        m.out(COMMAND, 0xA7);
        assertEquals(0x1C, m.in(COMMAND));
        m.out(DATA, 0xF4);
        assertEquals(0x15, m.in(COMMAND));
    }

    @Test
    void commandAaPassesTheSelfTest() {
        assertEquals(0x55, command(0xAA));
        assertEquals(0x14, m.in(COMMAND) & ~0x08);
    }

    @Test
    void commandsA9AndAbPassTheInterfaceTests() {
        assertEquals(0x00, command(0xA9));
        assertEquals(0x00, command(0xAB));
    }

    @Test
    void commandA4SaysThatThereIsNoPassword() {
        assertEquals(0xF1, command(0xA4));
    }

    @Test
    void commands20And60ReadAndWriteTheCommandByte() {
        assertEquals(0x65, command(0x20), "as firmware leaves it");
        writeCommandByte(0x74);
        assertEquals(0x74, command(0x20));
    }

    @Test
    void commands2xAnd6xReachTheInternalRam() {
        m.out(COMMAND, 0x7F);
        m.out(DATA, 0x5A);
        assertEquals(0x5A, command(0x3F));
        assertEquals(0x00, command(0x21));
    }

    @Test
    void systemFlagOfTheCommandByteAppearsInStatus() {
        writeCommandByte(0x61);
        assertEquals(0, m.in(COMMAND) & 0x04);
        writeCommandByte(0x65);
        assertEquals(0x04, m.in(COMMAND) & 0x04);
    }

    @Test
    void commandsAdAeA7A8MoveTheDisableBits() {
        m.out(COMMAND, 0xAD);
        assertEquals(0x75, command(0x20));
        m.out(COMMAND, 0xAE);
        assertEquals(0x65, command(0x20));
        m.out(COMMAND, 0xA8);
        assertEquals(0x45, command(0x20));
        m.out(COMMAND, 0xA7);
        assertEquals(0x65, command(0x20));
    }

    @Test
    void aDisabledKeyboardKeepsItsBytes() {
        m.out(DATA, 0xF2);
        assertEquals(0xFA, m.in(DATA));
        m.out(COMMAND, 0xAD);
        assertEquals(0xAB, m.in(DATA), "already in the output buffer");
        assertEquals(0, m.in(COMMAND) & OBF);
        m.out(COMMAND, 0xAE);
        assertEquals(OBF, m.in(COMMAND) & OBF);
        assertEquals(0x41, m.in(DATA));
    }

    @Test
    void sendingToTheKeyboardEnablesItsInterface() {
        m.out(COMMAND, 0xAD);
        m.out(DATA, 0xEE);
        assertEquals(0xEE, m.in(DATA));
        assertEquals(0x65, command(0x20));
    }

    @Test
    void commandC0ReadsAnUnlockedKeyboard() {
        assertEquals(0x80, command(0xC0) & 0x80);
    }

    @Test
    void commandD0ReadsTheOutputPortAsItWasBeforeTheAnswer() {
        assertEquals(0xCF, command(0xD0), "idle lines, no interrupt, A20, no reset");
    }

    @Test
    void a20IsStoredInTheOutputPort() {
        writeCommandByte(0x64);
        assertEquals(0x02, command(0xD0) & 0x02);
        m.out(COMMAND, 0xDD);
        assertEquals(0x00, command(0xD0) & 0x02);
        m.out(COMMAND, 0xDF);
        assertEquals(0x02, command(0xD0) & 0x02);
        m.out(COMMAND, 0xD1);
        m.out(DATA, 0xDD);
        assertEquals(0x00, command(0xD0) & 0x02);
        m.out(COMMAND, 0xD1);
        m.out(DATA, 0xDF);
        assertEquals(0x02, command(0xD0) & 0x02);
        assertEquals(0, m.effects.powerCalls);
    }

    @Test
    void commandFePulsesTheResetLine() {
        m.out(COMMAND, 0xFE);
        assertEquals(List.of("RESET I8042"), m.effects.take());
    }

    @Test
    void commandsF0ToFfPulseTheLinesThatAreZero() {
        for (int command = 0xF0; command <= 0xFF; command++) {
            m.out(COMMAND, command);
            assertEquals((command & 1) == 0 ? List.of("RESET I8042") : List.of(), m.effects.take());
        }
    }

    @Test
    void commandD1WithBitZeroLowResets() {
        m.out(COMMAND, 0xD1);
        m.out(DATA, 0xDE);
        assertEquals(List.of("RESET I8042"), m.effects.take());
    }

    @Test
    void unknownCommandsAreCountedAndIgnored() {
        m.out(COMMAND, 0x90);
        assertEquals(List.of("error 1"), m.effects.take());
        assertEquals(0, m.in(COMMAND) & OBF);
    }

    @Test
    void commandD2LooksLikeTheKeyboardAndD3LikeTheAuxDevice() {
        writeCommandByte(0x47);
        m.out(COMMAND, 0xD2);
        m.out(DATA, 0x1C);
        assertEquals(OBF, m.in(COMMAND) & (OBF | AUXOBF));
        assertEquals(0x1C, m.in(DATA));
        m.out(COMMAND, 0xD3);
        m.out(DATA, 0xA5);
        assertEquals(OBF | AUXOBF, m.in(COMMAND) & (OBF | AUXOBF));
        assertEquals(0xA5, m.in(DATA));
        assertEquals(List.of("irq 1", "irq 2"), m.effects.take());
    }

    @Test
    void commandD4TimesOutForNothingIsPluggedIn() {
        writeCommandByte(0x67);
        m.out(COMMAND, 0xD4);
        m.out(DATA, 0xF2);
        assertEquals(OBF | AUXOBF | TIMEOUT, m.in(COMMAND) & (OBF | AUXOBF | TIMEOUT));
        assertEquals(0xFE, m.in(DATA));
        assertEquals(0, m.in(COMMAND) & (OBF | AUXOBF | TIMEOUT));
        assertEquals(List.of("irq 2"), m.effects.take());
        assertEquals(0x47, command(0x20), "sending enables the aux interface");
    }

    @Test
    void outputBufferRisesAgainForEveryByteSoThatEachHasItsInterrupt() {
        m.out(DATA, 0xF2);
        assertEquals(1, m.effects.interrupts[PlatformIdentity.IRQ_KEYBOARD]);
        m.in(DATA);
        assertEquals(2, m.effects.interrupts[PlatformIdentity.IRQ_KEYBOARD]);
        m.in(DATA);
        assertEquals(3, m.effects.interrupts[PlatformIdentity.IRQ_KEYBOARD]);
        m.in(DATA);
        assertEquals(3, m.effects.interrupts[PlatformIdentity.IRQ_KEYBOARD]);
    }

    @Test
    void enablingTheInterruptWithAFullOutputBufferInterrupts() {
        writeCommandByte(0x64);
        m.out(DATA, 0xEE);
        assertEquals(0, m.effects.interrupts[PlatformIdentity.IRQ_KEYBOARD]);
        writeCommandByte(0x65);
        assertEquals(1, m.effects.interrupts[PlatformIdentity.IRQ_KEYBOARD]);
    }

    @Test
    void readingAnEmptyOutputBufferGivesTheLastByteAgain() {
        m.out(DATA, 0xEE);
        assertEquals(0xEE, m.in(DATA));
        assertEquals(0xEE, m.in(DATA));
    }

    @Test
    void anAnswerWaitsForTheOutputBuffer() {
        m.out(DATA, 0xEE);
        m.out(COMMAND, 0xAA);
        assertEquals(0xEE, m.in(DATA));
        assertEquals(0x55, m.in(DATA));
    }

    @Test
    void translationTurnsTheIdIntoAb41AndRawGivesAb83() {
        assertEquals(List.of(0xFA, 0xAB, 0x41), keyboard(0xF2));
        writeCommandByte(0x25);
        assertEquals(List.of(0xFA, 0xAB, 0x83), keyboard(0xF2));
    }

    @Test
    void keyboardCommandsAnswerAsA101KeyKeyboard() {
        writeCommandByte(0x25);
        assertEquals(List.of(0xFA, 0xAA), keyboard(0xFF));
        assertEquals(List.of(0xEE), keyboard(0xEE));
        assertEquals(List.of(0xEE), keyboard(0xFE), "resend");
        assertEquals(List.of(0xFA), keyboard(0xF4));
        assertEquals(List.of(0xFA), keyboard(0xF5));
        assertEquals(List.of(0xFA), keyboard(0xF6));
        assertEquals(List.of(0xFA), keyboard(0xF8));
        assertEquals(List.of(0xFA, 0xFA), keyboard(0xED, 0x07));
        assertEquals(List.of(0xFA, 0xFA), keyboard(0xF3, 0x00));
        assertEquals(List.of(0xFA, 0xFA, 0x02), keyboard(0xF0, 0x00));
        assertEquals(List.of(0xFA, 0xFA), keyboard(0xF0, 0x03));
        assertEquals(List.of(0xFA, 0xFA, 0x03), keyboard(0xF0, 0x00));
        assertEquals(List.of(0xFA, 0xFE), keyboard(0xF0, 0x77));
        assertEquals(List.of(0xFA, 0xFA, 0xFA, 0xFA), keyboard(0xFC, 0x12, 0x13, 0xF4));
        assertEquals(List.of(0xFE), keyboard(0x12), "not a command");
        assertEquals(List.of(0xFE), keyboard(0xEA));
    }

    @Test
    void aCommandInsteadOfAnOperandIsTakenAsACommand() {
        writeCommandByte(0x25);
        assertEquals(List.of(0xFA, 0xFA, 0xAB, 0x83), keyboard(0xED, 0xF2));
    }

    /** i8042_flush, i8042_controller_check, i8042_controller_selftest, i8042_controller_init of Linux 6.x. */
    @Test
    void linuxControllerProbe() {
        assertEquals(0, m.in(COMMAND) & OBF, "nothing to flush");
        for (int attempt = 0; attempt < 2; attempt++) {
            assertEquals(0x55, command(0xAA));
        }
        int first = command(0x20);
        assertEquals(first, command(0x20), "two equal reads of the command byte end the loop");
        assertEquals(0x10, m.in(COMMAND) & 0x10, "no 'keylock active' warning");
        int disabled = (first | 0x10) & ~0x01;
        writeCommandByte(disabled);
        assertEquals(disabled, command(0x20));
        assertEquals(0, m.in(COMMAND) & OBF);
        linuxAuxCheck(disabled);
        linuxKeyboardProbe(disabled);
    }

    /** i8042_check_aux with its loop-back and interrupt tests, then i8042_check_mux. */
    private void linuxAuxCheck(int commandByte) {
        assertEquals(0x5A | AUXOBF << 8, auxLoop(0x5A), "the loop-back answers as the aux device");
        m.out(COMMAND, 0xA7);
        assertEquals(0x20, command(0x20) & 0x20);
        m.out(COMMAND, 0xA8);
        assertEquals(0x00, command(0x20) & 0x20);
        writeCommandByte((commandByte & ~0x20) | 0x02);
        m.effects.take();
        m.out(COMMAND, 0xD3);
        m.out(DATA, 0xA5);
        assertEquals(List.of("irq 2"), m.effects.take(), "the interrupt that the test waits 250 ms for");
        assertEquals(0xA5, m.in(DATA));
        writeCommandByte((commandByte | 0x20) & ~0x02);
        // i8042_check_mux: a controller without multiplexing returns the last byte unchanged.
        assertEquals(0xF0 | AUXOBF << 8, auxLoop(0xF0));
        assertEquals(0x56 | AUXOBF << 8, auxLoop(0x56));
        assertEquals(0xA4 | AUXOBF << 8, auxLoop(0xA4));
    }

    /** i8042_enable_kbd_port, then atkbd_probe, atkbd_reset_state and atkbd_activate on a translating controller. */
    private void linuxKeyboardProbe(int commandByte) {
        writeCommandByte((commandByte & ~0x10) | 0x01);
        m.effects.take();
        assertEquals(List.of(0xFA, 0xAB, 0x41), keyboard(0xF2));
        assertEquals(List.of("irq 1", "irq 1", "irq 1"), m.effects.take());
        assertEquals(List.of(0xFA), keyboard(0xF5));
        assertEquals(List.of(0xFA, 0xFA), keyboard(0xED, 0x00));
        assertEquals(List.of(0xFA, 0xFA), keyboard(0xF3, 0x00));
        assertEquals(List.of(0xFA), keyboard(0xF4));
    }

    /** psmouse (GETID), then atkbd (GETID, SETLEDS) on the aux port: each ends at once with FE and the time-out bit. */
    @Test
    void linuxFindsNoMouseWithoutWaiting() {
        writeCommandByte(0x47);
        for (int value : new int[] {0xF2, 0xF2, 0xED}) {
            m.effects.take();
            m.out(COMMAND, 0xD4);
            m.out(DATA, value);
            assertEquals(List.of("irq 2"), m.effects.take());
            assertEquals(TIMEOUT | AUXOBF | OBF, m.in(COMMAND) & (TIMEOUT | AUXOBF | OBF));
            assertEquals(0xFE, m.in(DATA));
        }
    }

    /** native_machine_emergency_restart, BOOT_KBD: waits for IBF clear, then FE, up to ten times. */
    @Test
    void linuxKeyboardReboot() {
        assertEquals(0, m.in(COMMAND) & 0x02);
        m.out(COMMAND, 0xFE);
        assertEquals(1, m.effects.powerCalls);
    }

    @Test
    void machineResetPutsEverythingBack() {
        m.out(COMMAND, 0xD1);
        m.out(DATA, 0xF2);
        writeCommandByte(0x00);
        m.out(COMMAND, 0x60);
        m.device.reset(m.now);
        assertEquals(0x14, m.in(COMMAND));
        assertEquals(0x65, command(0x20));
        assertEquals(List.of(0xFA, 0xAB, 0x41), keyboard(0xF2));
    }

    @Test
    void randomTrafficAgreesWithTheReferenceModel() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        int[] likely = {0x20, 0x60, 0xA7, 0xA8, 0xAA, 0xAD, 0xAE, 0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xF2, 0xF0, 0xED, 0xFE};
        ReferenceKbc reference = new ReferenceKbc();
        for (int i = 0; i < 200_000; i++) {
            int value = random.nextInt(3) == 0 ? random.nextInt(256) : likely[random.nextInt(likely.length)];
            String message = "seed " + seed + " step " + i;
            switch (random.nextInt(4)) {
                case 0 -> {
                    m.out(COMMAND, value);
                    reference.command(value);
                }
                case 1 -> {
                    m.out(DATA, value);
                    reference.data(value);
                }
                case 2 -> assertEquals(reference.read(), m.in(DATA), message);
                default -> assertEquals(reference.status(), m.in(COMMAND), message);
            }
            List<String> expected = reference.events.stream()
                    .map(event -> event.equals("reset") ? "RESET I8042" : event.equals("unknown") ? "error 1" : event)
                    .toList();
            reference.events.clear();
            assertEquals(expected, m.effects.take(), message);
        }
    }

    private int command(int command) {
        m.out(COMMAND, command);
        assertEquals(OBF, m.in(COMMAND) & (OBF | AUXOBF), "an answer from the controller");
        return m.in(DATA);
    }

    private void writeCommandByte(int value) {
        m.out(COMMAND, 0x60);
        m.out(DATA, value);
    }

    /** Sends D3 and the byte; returns the answer, and status bit 5 above it. */
    private int auxLoop(int value) {
        m.out(COMMAND, 0xD3);
        m.out(DATA, value);
        int status = m.in(COMMAND);
        assertEquals(OBF, status & OBF);
        return m.in(DATA) | (status & AUXOBF) << 8;
    }

    private List<Integer> keyboard(int... bytes) {
        List<Integer> answer = new ArrayList<>();
        for (int value : bytes) {
            m.out(DATA, value);
            while ((m.in(COMMAND) & OBF) != 0) {
                assertEquals(0, m.in(COMMAND) & (AUXOBF | TIMEOUT));
                answer.add(m.in(DATA));
            }
        }
        return answer;
    }
}
