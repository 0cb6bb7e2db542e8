package io.jvmm.device.serial;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.TestSeed;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** Seeded random lives: {@link Uart16550} and {@link ReferenceUart} must agree on every read, byte and interrupt. */
class UartAgainstReferenceTest {

    private static final int LIVES = 160;
    private static final int STEPS = 2_000;

    @Test
    void randomLivesAgree() {
        long seed = TestSeed.next();
        for (int life = 0; life < LIVES; life++) {
            live(seed + life, false);
        }
    }

    /** Any message boundary may be the last of a process: the next one adopts a copy of the state and nobody notices, but for an edge of a line that is high. */
    @Test
    void randomLivesWithKillsAgree() {
        long seed = TestSeed.next();
        for (int life = 0; life < LIVES / 4; life++) {
            live(seed + life, true);
        }
    }

    private static void live(long seed, boolean kills) {
        Random random = new Random(seed);
        UartBench real = new UartBench();
        real.hostTakes = false;
        ReferenceUart reference = new ReferenceUart();
        boolean calm = random.nextBoolean();
        for (int step = 0; step < STEPS; step++) {
            String where = "seed " + seed + " step " + step + ": ";
            step(random, real, reference, calm, where);
            assertEquals(reference.edges, real.edges, where + "interrupts; " + reference);
            if (kills && random.nextInt(20) == 0) {
                real.killAndAdopt();
                reference.riseAgain();
                assertEquals(reference.edges, real.edges, where + "interrupts after adoption");
            }
        }
    }

    private static void step(Random random, UartBench real, ReferenceUart reference, boolean calm, String where) {
        long nowNs = real.nowNs;
        switch (random.nextInt(18)) {
            case 0, 1, 2, 3, 4, 5 -> {
                int offset = random.nextInt(8);
                assertEquals(
                        reference.read(offset, nowNs), real.core.read(0, offset, 1, nowNs), where + "in " + offset);
            }
            case 6, 7, 8 -> write(real, reference, 0, random.nextInt(256));
            case 9 -> write(real, reference, 1, random.nextInt(256));
            case 10 -> write(real, reference, 2, calm ? 0xC1 : random.nextInt(256));
            case 11 -> write(real, reference, 3, calm ? 0x03 : random.nextInt(256));
            case 12 -> write(real, reference, 4, calm ? 0x0B : random.nextInt(256));
            case 13, 14 -> {
                assertEquals(reference.room(), real.core.hostInputRoom(0), where + "room");
                for (int count = random.nextInt(18); count > 0 && reference.room() > 0; count--) {
                    int value = random.nextInt(256);
                    real.core.hostInput(0, value, nowNs);
                    reference.hostCharacter(value, nowNs);
                }
            }
            case 15 -> {
                int limit = random.nextInt(20);
                UnsafeBuffer into = new UnsafeBuffer(new byte[32]);
                int count = real.core.hostOutput(0, into, 0, limit);
                StringBuilder taken = new StringBuilder();
                for (int i = 0; i < count; i++) {
                    taken.append((char) (into.getByte(i) & 0xFF));
                }
                real.core.hostOutputDone(0, count, nowNs);
                assertEquals(reference.take(limit, nowNs), taken.toString(), where + "output");
            }
            case 16 -> {
                long targetNs = nowNs + random.nextInt(1_000_000);
                while (real.core.nextDeadlineNs() <= targetNs) {
                    real.nowNs = Math.max(real.nowNs, real.core.nextDeadlineNs());
                    real.core.timer(real.nowNs);
                }
                real.nowNs = targetNs;
                reference.timePasses(targetNs);
            }
            default -> rarely(random, real, reference);
        }
    }

    private static void write(UartBench real, ReferenceUart reference, int offset, int value) {
        real.core.write(0, offset, 1, value, real.nowNs);
        reference.write(offset, value, real.nowNs);
    }

    private static void rarely(Random random, UartBench real, ReferenceUart reference) {
        switch (random.nextInt(8)) {
            case 0, 1, 2 -> {
                real.core.hostBreak(0, real.nowNs);
                reference.hostBreak(real.nowNs);
            }
            case 3, 4 -> {
                boolean present = random.nextBoolean();
                real.core.hostCarrier(0, present, real.nowNs);
                reference.hostCarrier(present, real.nowNs);
            }
            case 5 -> {
                int offset = 5 + random.nextInt(3);
                write(real, reference, offset, random.nextInt(256));
            }
            case 6 -> write(real, reference, 3, 0x80 | random.nextInt(128));
            default -> {
                if (random.nextInt(10) == 0) {
                    real.core.reset(real.nowNs);
                    reference.masterReset(real.nowNs);
                }
            }
        }
    }
}
