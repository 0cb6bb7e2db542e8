package io.jvmm.vcpu.x86.apic;

import io.jvmm.vcpu.state.StateCursor;

/**
 * The 8254 timer of a PC at ports 40..43, and port 61, through which its channel 2 is gated and heard. Channel 0 is IRQ 0,
 * channel 1 once refreshed memory. Time comes in, in nanoseconds. Guarded by the {@link Chipset}'s lock.
 */
final class Pit8254 {
    /** Of its clock: a third of NTSC's colour carrier. */
    static final long HZ = 1_193_182;

    private static final long NS_PER_S = 1_000_000_000;
    private static final int CONTROL = 0x43;
    private static final int PORT_61 = 0x61;
    private static final int READ_BACK = 3;
    /** Ticks for which the refresh bit of port 61 keeps its value: about 15 microseconds. */
    private static final int REFRESH_TICKS = 18;

    private final PitChannel[] channels = {new PitChannel(true), new PitChannel(true), new PitChannel(false)};
    private int port61;
    /** Rising edges of channel 0 up to this tick have been reported. */
    private long reportedTick;

    /** Whether these ports belong to the timer. */
    static boolean owns(int port) {
        return (port & ~3) == 0x40 || port == PORT_61;
    }

    /** Ticks that have passed by {@code ns}. */
    static long ticks(long ns) {
        return ns / NS_PER_S * HZ + ns % NS_PER_S * HZ / NS_PER_S;
    }

    /** The first nanosecond at which {@code tick} ticks have passed. */
    static long nanoseconds(long tick) {
        return tick / HZ * NS_PER_S + (tick % HZ * NS_PER_S + HZ - 1) / HZ;
    }

    int read(int port, long nowNs) {
        final long now = ticks(nowNs);
        if (port == PORT_61) {
            final int refresh = (int) (now / REFRESH_TICKS & 1) << 4;
            return port61 | refresh | (channels[2].output(now) ? 0x20 : 0);
        }
        return port == CONTROL ? 0 : channels[port & 3].read(now);
    }

    void write(int port, int value, long nowNs) {
        final long now = ticks(nowNs);
        if (port == PORT_61) {
            port61 = value & 0xf;
            channels[2].setGate((value & 1) != 0, now);
        } else if (port == CONTROL) {
            control(value, now);
        } else {
            channels[port & 3].write(value & 0xff, now);
            reportedTick = Math.max(reportedTick, now);
        }
    }

    private void control(int value, long now) {
        final int number = value >> 6 & 3;
        if (number == READ_BACK) {
            for (int i = 0; i < channels.length; i++) {
                if ((value & 2 << i) != 0) {
                    if ((value & 0x20) == 0) {
                        channels[i].latchCount(now);
                    }
                    if ((value & 0x10) == 0) {
                        channels[i].latchStatus(now);
                    }
                }
            }
        } else if ((value & 0x30) == 0) {
            channels[number].latchCount(now);
        } else {
            channels[number].control(value & 0x3f);
        }
    }

    /** When channel 0's output next rises; {@link Long#MAX_VALUE} for never. */
    long nextNs() {
        final long tick = channels[0].riseAfter(reportedTick);
        return tick == PitChannel.NEVER ? Long.MAX_VALUE : nanoseconds(tick);
    }

    /** Whether channel 0's output has risen since the last call: once, however often. */
    boolean takeRise(long nowNs) {
        final long now = ticks(nowNs);
        final boolean risen = channels[0].riseAfter(reportedTick) <= now;
        reportedTick = Math.max(reportedTick, now);
        channels[0].output(now);
        return risen;
    }

    /** For the state segment. */
    void transfer(StateCursor state, long nowNs) {
        final long now = ticks(nowNs);
        port61 = state.u8(port61, 0xf, "port 61");
        state.zero(7);
        reportedTick = state.i64(reportedTick, 0, now, "time of the 8254");
        for (int i = 0; i < channels.length; i++) {
            channels[i].transfer(state, i != 2, now);
        }
        state.require(channels[2].gate() == ((port61 & 1) != 0), "GATE of channel 2");
    }
}
