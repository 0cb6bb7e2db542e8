package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.util.Random;

/**
 * Two devices of a class live the same random life, and one of them dies again and again, anywhere. Nobody can tell them apart: by what
 * registers read, by what the host gets, by levels and by what the power does. Where the one interrupts so does the other, perhaps once
 * more.
 */
public final class MortalTwins {
    private final DeviceIdentity identity;
    private final MortalMachine one;
    private final MortalMachine other;
    private final Random random;
    private final String seed;

    private MortalTwins(DeviceFactory factory, DeviceConfig config, long seed) {
        this.identity = factory.identity(config);
        this.one = new MortalMachine(factory, config);
        this.other = new MortalMachine(factory, config);
        this.random = new Random(seed);
        this.seed = "-Djvmm.seed=" + seed;
    }

    /** What the guest writes where: a device's tests know which values matter. Null for one that any will do for. */
    public interface Habits {
        /** A value to write to a register. */
        long value(Random random, int region, int offset);
    }

    /** Lives {@code lives} random lives of {@code steps} each; the first seed is printed. Returns the number of deaths. */
    public static long live(DeviceFactory factory, DeviceConfig config, int lives, int steps, Habits habits) {
        long first = TestSeed.next();
        long deaths = 0;
        for (int life = 0; life < lives; life++) {
            deaths += new MortalTwins(factory, config, first + life).live(steps, habits);
        }
        assertTrue(deaths > lives, deaths + " deaths in " + lives + " lives");
        return deaths;
    }

    private long live(int steps, Habits habits) {
        other.mortality.begin(new Random(random.nextLong()), 3 + random.nextInt(60));
        for (int step = 0; step < steps; step++) {
            String what = step(habits);
            compare(what + ", step " + step + ", " + seed);
        }
        return other.mortality.deaths();
    }

    private String step(Habits habits) {
        int region = random.nextInt(identity.regions().size());
        int widthBytes = 1 << random.nextInt(random.nextInt(4) == 0 ? 3 : 1);
        int lengthBytes = identity.regions().get(region).lengthBytes();
        widthBytes = Math.min(widthBytes, Integer.highestOneBit(lengthBytes));
        int offset = random.nextInt(lengthBytes - widthBytes + 1);
        String where = identity.regions().get(region).name() + "+" + offset + ", " + widthBytes + " bytes";
        return switch (random.nextInt(20)) {
            case 0, 1, 2, 3, 4, 5 -> {
                long value = one.read(region, offset, widthBytes);
                assertEquals(value, other.read(region, offset, widthBytes), "read of " + where + ", " + seed);
                yield "read of " + where;
            }
            case 6, 7, 8, 9, 10, 11, 12 -> {
                long value = habits.value(random, region, offset);
                value &= widthBytes == Long.BYTES ? -1 : (1L << (8 * widthBytes)) - 1;
                one.write(region, offset, widthBytes, value);
                other.write(region, offset, widthBytes, value);
                yield "write of " + value + " to " + where;
            }
            case 13, 14 -> time();
            case 15 -> {
                int line = random.nextInt(identity.interrupts().size());
                if (identity.interrupts().get(line).level()) {
                    one.resample(line);
                    other.resample(line);
                }
                yield "end of interrupt " + line;
            }
            case 16 -> {
                one.powerButton();
                other.powerButton();
                yield "power button";
            }
            default -> identity.hostPorts() == 0 ? time() : host(random.nextInt(identity.hostPorts()));
        };
    }

    private String time() {
        long durationNs = random.nextLong(1L << random.nextInt(10, 31));
        one.advance(durationNs);
        other.advance(durationNs);
        return durationNs + " ns";
    }

    private String host(int port) {
        return switch (random.nextInt(8)) {
            case 0 -> {
                one.hostBreak(port);
                other.hostBreak(port);
                yield "break";
            }
            case 1 -> {
                boolean present = random.nextBoolean();
                for (int each = 0; each < identity.hostPorts(); each++) {
                    one.hostCarrier(each, present);
                    other.hostCarrier(each, present);
                }
                yield "carrier " + present;
            }
            default -> {
                char character = (char) random.nextInt(256);
                one.hostInput(port, character);
                other.hostInput(port, character);
                yield "input " + (int) character;
            }
        };
    }

    private void compare(String where) {
        for (int port = 0; port < one.output.length; port++) {
            assertEquals(one.output[port].toString(), other.output[port].toString(), where);
        }
        for (int line = 0; line < one.edges.length; line++) {
            assertEquals(one.levels[line], other.levels[line], "level of line " + line + " after " + where);
            assertTrue(
                    other.edges[line] >= Math.min(one.edges[line], 1),
                    "no interrupt on line " + line + " after " + where);
            one.edges[line] = 0;
            other.edges[line] = 0;
        }
        assertEquals(one.power, other.power, where);
        assertTrue(other.guestErrors >= one.guestErrors, where);
        other.guestErrors = one.guestErrors;
    }
}
