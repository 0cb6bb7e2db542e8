package io.jvmm.vcpu.x86.apic;

import io.jvmm.vcpu.state.StateCursor;

/**
 * One counter of an 8254 (Intel data sheet 231164) in its six modes. Time comes in as ticks of its 1.193182 MHz clock.
 * Nothing counts here: the count is worked out from the tick at which it began, whenever somebody asks.
 */
final class PitChannel {
    static final long NEVER = Long.MAX_VALUE;

    private static final int ACCESS_LOW = 1;
    private static final int ACCESS_HIGH = 2;
    private static final int ACCESS_BOTH = 3;

    private static final int MOST_PERIOD = 0x1_0000;

    private int mode;
    private int access = ACCESS_BOTH;
    private boolean bcd;
    private boolean gate;

    /** The period in ticks, 0 before the first count has been written. */
    private int period;
    /** A new period that modes 2 and 3 take over at the end of the present one, 0 for none. */
    private int nextPeriod;

    private boolean counting;
    /** The tick at which {@link #elapsed} was what {@link #before} says. */
    private long start;

    private long before;

    private int lowByte;
    private boolean secondWrite;
    private boolean secondRead;
    private int latchedCount = -1;
    private int latchedStatus = -1;

    PitChannel(boolean gate) {
        this.gate = gate;
    }

    /** The control word's bits 5:0. */
    void control(int word) {
        access = (word >> 4) & 3;
        mode = (word >> 1) & 7;
        if (mode > 5) {
            mode -= 4;
        }
        bcd = (word & 1) != 0;
        period = 0;
        nextPeriod = 0;
        counting = false;
        before = 0;
        secondWrite = false;
        secondRead = false;
        latchedCount = -1;
        latchedStatus = -1;
    }

    /** Writes a byte of the count. */
    void write(int value, long now) {
        switch (access) {
            case ACCESS_LOW -> load(value, now);
            case ACCESS_HIGH -> load(value << 8, now);
            default -> {
                if (secondWrite) {
                    secondWrite = false;
                    load(lowByte | value << 8, now);
                } else {
                    secondWrite = true;
                    lowByte = value;
                    if (mode == 0) {
                        // The first byte stops the count (data sheet, mode 0).
                        before = elapsed(now);
                        counting = false;
                    }
                }
            }
        }
    }

    private void load(int register, long now) {
        settle(now);
        final int count = decode(register);
        final boolean idle = period == 0;
        if (mode == 2 || mode == 3) {
            if (!idle && counting) {
                nextPeriod = count;
                return;
            }
        }
        period = count;
        if (mode == 1 || mode == 5) {
            // Counting begins with the next trigger; a count under way goes on as it was, which nobody here uses.
            return;
        }
        before = 0;
        counting = gate;
        start = now + 1;
    }

    private int decode(int register) {
        if (!bcd) {
            return register == 0 ? 0x10000 : register;
        }
        int value = 0;
        for (int shift = 12; shift >= 0; shift -= 4) {
            value = value * 10 + (register >> shift & 15);
        }
        return value == 0 ? 10_000 : value;
    }

    private int encode(long count) {
        if (!bcd) {
            return (int) count & 0xffff;
        }
        long rest = Math.floorMod(count, 10_000L);
        int value = 0;
        for (int shift = 0; shift < 16; shift += 4) {
            value |= (int) (rest % 10) << shift;
            rest /= 10;
        }
        return value;
    }

    /** The GATE input: low holds or stops, a rising edge triggers (data sheet, figure "Gate Pin Operations Summary"). */
    void setGate(boolean high, long now) {
        if (gate == high) {
            return;
        }
        settle(now);
        if (high) {
            gate = true;
            if (period != 0) {
                if (mode != 0 && mode != 4) {
                    before = 0;
                }
                counting = true;
                start = mode == 0 || mode == 4 ? now : now + 1;
            }
        } else {
            if (mode != 1 && mode != 5) {
                before = elapsed(now);
                counting = false;
            }
            gate = false;
        }
    }

    boolean gate() {
        return gate;
    }

    /** Ticks that the present count has lasted. */
    private long elapsed(long now) {
        return counting ? before + Math.max(0, now - start) : before;
    }

    /** Takes over a new period whose time has come. */
    private void settle(long now) {
        if (nextPeriod != 0 && counting) {
            final long end = start + period;
            if (now >= end) {
                final long last = start + (now - start) / period * period;
                // Periods since the one in which the new count was written have had the new length.
                start = nextPeriod == period ? last : end;
                period = nextPeriod;
                nextPeriod = 0;
            }
        }
        if (counting && (mode == 2 || mode == 3) && now - start >= period) {
            start += (now - start) / period * period;
        }
    }

    /** OUT. */
    boolean output(long now) {
        settle(now);
        final long d = elapsed(now);
        return switch (mode) {
            case 0 -> period != 0 && d >= period;
            case 1 -> !counting || d >= period;
            case 2 -> !counting || d % period != period - 1;
            case 3 -> !counting || d % period < (period + 1) / 2;
            default -> !counting || d != period;
        };
    }

    /** The tick of the first rising edge of OUT behind {@code after}, as things stand; {@link #NEVER} if there is none. */
    long riseAfter(long after) {
        if (!counting || period == 0) {
            return NEVER;
        }
        return switch (mode) {
            case 0, 1 -> future(start - before + period, after);
            case 2, 3 -> {
                if (after < start + period) {
                    yield start + period;
                }
                final int length = nextPeriod == 0 ? period : nextPeriod;
                final long first = start + period;
                yield first + ((after - first) / length + 1) * length;
            }
            default -> future(start - before + period + 1, after);
        };
    }

    private static long future(long tick, long after) {
        return tick > after ? tick : NEVER;
    }

    private int count(long now) {
        settle(now);
        if (period == 0) {
            return 0;
        }
        final long d = elapsed(now);
        return switch (mode) {
            case 2 -> encode(period - d % period);
            // Counts by two, twice in each period (data sheet, mode 3).
            case 3 -> {
                // A count of 1 has no half to count by two (the data sheet forbids it).
                final long even = Math.max(2, period & ~1);
                yield encode(even - 2 * (d % period) % even);
            }
            default -> encode(period - d);
        };
    }

    /** Counter latch command: held until it has been read. */
    void latchCount(long now) {
        if (latchedCount < 0) {
            latchedCount = count(now);
        }
    }

    /** Read-back command: status. */
    void latchStatus(long now) {
        if (latchedStatus < 0) {
            final boolean nullCount = period == 0 || nextPeriod != 0 || (counting && now < start);
            latchedStatus = (output(now) ? 0x80 : 0) | (nullCount ? 0x40 : 0) | access << 4 | mode << 1 | (bcd ? 1 : 0);
        }
    }

    /** Reads the latched status, then the latched or the present count, byte by byte. */
    int read(long now) {
        if (latchedStatus >= 0) {
            final int status = latchedStatus;
            latchedStatus = -1;
            return status;
        }
        final int value = latchedCount >= 0 ? latchedCount : count(now);
        final boolean high = access == ACCESS_HIGH || (access == ACCESS_BOTH && secondRead);
        if (access == ACCESS_BOTH) {
            secondRead = !secondRead;
        }
        if (access != ACCESS_BOTH || high) {
            latchedCount = -1;
        }
        return high ? value >> 8 & 0xff : value & 0xff;
    }

    /**
     * For the state segment.
     *
     * @param fixedGate whether GATE is wired to a constant, which it then has
     */
    void transfer(StateCursor state, boolean fixedGate, long now) {
        mode = state.u8(mode);
        state.require(mode <= 5, "mode of an 8254");
        access = state.u8(access, ACCESS_BOTH, "access of an 8254");
        state.require(access != 0, "access of an 8254");
        bcd = state.flag(bcd);
        final boolean wired = gate;
        gate = state.flag(gate);
        state.require(!fixedGate || gate == wired, "GATE of an 8254");
        counting = state.flag(counting);
        secondWrite = state.flag(secondWrite);
        secondRead = state.flag(secondRead);
        lowByte = state.u8(lowByte);
        period = state.i32(period, 0, MOST_PERIOD, "count of an 8254");
        nextPeriod = state.i32(nextPeriod, 0, MOST_PERIOD, "count of an 8254");
        latchedCount = state.i32(latchedCount, -1, 0xffff, "latch of an 8254");
        latchedStatus = state.i32(latchedStatus, -1, 0xff, "latch of an 8254");
        start = state.i64(start, 0, now + 1, "start of an 8254");
        before = state.i64(before, 0, now + 1, "start of an 8254");
        state.require(!counting || period != 0, "an 8254 that counts nothing");
    }
}
