package io.jvmm.device.api;

import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import java.util.function.BooleanSupplier;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A device in virtual time whose process dies anywhere: before and after each effect and each commit, and while it takes over. Messages
 * are transactions as in the process: one that is not committed is delivered again, and output of one that is not is not counted.
 */
final class MortalMachine {
    private static final int CHUNK_BYTES = 64;
    private static final int MOST_TIMERS = 100_000;

    final Mortality mortality = new Mortality();
    final StringBuilder[] output;
    final long[] edges;
    final boolean[] levels;
    String power = "";
    long guestErrors;

    private final DeviceFactory factory;
    private final DeviceConfig config;
    private final DeviceIdentity identity;
    private final UnsafeBuffer committed;
    private final StringBuilder[] waitingInput;
    private final StringBuilder[] notYetOut;
    private final UnsafeBuffer chunk = new UnsafeBuffer(new byte[CHUNK_BYTES]);
    private DeviceCore core;
    private UnsafeBuffer working;
    private boolean carrier = true;
    private long value;
    private long nowNs = 1;

    MortalMachine(DeviceFactory factory, DeviceConfig config) {
        this.factory = factory;
        this.config = config;
        this.identity = factory.identity(config);
        this.output = texts(identity.hostPorts());
        this.waitingInput = texts(identity.hostPorts());
        this.notYetOut = texts(identity.hostPorts());
        this.edges = new long[identity.interrupts().size()];
        this.levels = new boolean[identity.interrupts().size()];
        this.committed = new UnsafeBuffer(new byte[identity.stateLengthBytes()]);
        this.working = new UnsafeBuffer(new byte[identity.stateLengthBytes()]);
        this.core = factory.create(config, working, true, effects, null, nowNs);
        begin();
    }

    private static StringBuilder[] texts(int count) {
        StringBuilder[] texts = new StringBuilder[count];
        java.util.Arrays.setAll(texts, i -> new StringBuilder());
        return texts;
    }

    /** As at the first START. */
    private void begin() {
        core.resume(nowNs);
        for (int port = 0; port < output.length; port++) {
            core.hostCarrier(port, carrier, nowNs);
        }
        mortality.step();
        commit();
    }

    private void commit() {
        store();
        mortality.step();
        core.committed(nowNs);
    }

    private void store() {
        committed.putBytes(0, working, 0, working.capacity());
        for (int port = 0; port < output.length; port++) {
            output[port].append(notYetOut[port]);
            notYetOut[port].setLength(0);
        }
    }

    private void adopt() {
        for (StringBuilder text : notYetOut) {
            text.setLength(0);
        }
        working.setMemory(0, working.capacity(), (byte) 0xEE);
        working = new UnsafeBuffer(new byte[identity.stateLengthBytes()]);
        working.putBytes(0, committed, 0, committed.capacity());
        core = factory.create(config, working, false, effects, null, nowNs);
        begin();
    }

    /** Carried out once, as far as anybody can tell; false when it had nothing to do. */
    private boolean transaction(BooleanSupplier work) {
        boolean dead = false;
        while (true) {
            try {
                if (dead) {
                    adopt();
                    dead = false;
                }
                mortality.step();
                if (!work.getAsBoolean()) {
                    return false;
                }
                mortality.step();
                store();
                break;
            } catch (Mortality.Killed e) {
                dead = true;
            }
        }
        try {
            mortality.step();
            core.committed(nowNs);
            mortality.step();
            return true;
        } catch (Mortality.Killed e) {
            dead = true;
        }
        while (dead) {
            try {
                adopt();
                dead = false;
            } catch (Mortality.Killed e) {
                dead = true;
            }
        }
        return true;
    }

    long read(int region, int offset, int widthBytes) {
        settle();
        transaction(() -> {
            value = core.read(region, offset, widthBytes, nowNs);
            return true;
        });
        settle();
        return widthBytes == Long.BYTES ? value : value & ((1L << (8 * widthBytes)) - 1);
    }

    void write(int region, int offset, int widthBytes, long newValue) {
        run(() -> core.write(region, offset, widthBytes, newValue, nowNs));
    }

    void resample(int line) {
        levels[line] = false;
        run(() -> core.resample(line, nowNs));
    }

    void powerButton() {
        run(() -> core.powerButton(nowNs));
    }

    void reset() {
        run(() -> core.reset(nowNs));
    }

    void hostBreak(int port) {
        run(() -> core.hostBreak(port, nowNs));
    }

    void hostCarrier(int port, boolean present) {
        carrier = present;
        run(() -> core.hostCarrier(port, present, nowNs));
    }

    void hostInput(int port, char character) {
        waitingInput[port].append(character);
        settle();
    }

    void advance(long durationNs) {
        long endNs = nowNs + durationNs;
        int calls = 0;
        while (core.nextDeadlineNs() <= endNs) {
            nowNs = Math.max(nowNs, core.nextDeadlineNs());
            run(() -> core.timer(nowNs));
            if (++calls > MOST_TIMERS) {
                throw new AssertionError("the timer does not advance at " + nowNs);
            }
        }
        nowNs = endNs;
        settle();
    }

    private void run(Runnable message) {
        transaction(() -> {
            message.run();
            return true;
        });
        settle();
    }

    /** Output leaves and input that waits goes in, as far as the device allows. */
    private void settle() {
        for (int each = 0; each < output.length; each++) {
            int port = each;
            while (transaction(() -> flush(port))) {
                // all of it
            }
            StringBuilder waiting = waitingInput[port];
            while (!waiting.isEmpty() && transaction(() -> input(port, waiting.charAt(0)))) {
                waiting.deleteCharAt(0);
            }
        }
    }

    private boolean flush(int port) {
        int count = core.hostOutput(port, chunk, 0, CHUNK_BYTES);
        for (int i = 0; i < count; i++) {
            notYetOut[port].append((char) (chunk.getByte(i) & 0xFF));
        }
        if (count > 0) {
            core.hostOutputDone(port, count, nowNs);
        }
        return count > 0;
    }

    private boolean input(int port, char character) {
        boolean room = core.hostInputRoom(port) > 0;
        if (room) {
            core.hostInput(port, character, nowNs);
        }
        return room;
    }

    private final DeviceEffects effects = new DeviceEffects() {
        @Override
        public void interrupt(int line) {
            mortality.step();
            edges[line]++;
            mortality.step();
        }

        @Override
        public void interruptLevel(int line, boolean asserted) {
            mortality.step();
            levels[line] = asserted;
            if (asserted) {
                edges[line]++;
            }
            mortality.step();
        }

        @Override
        public void guestError(int code, long detail) {
            guestErrors++;
            mortality.step();
        }

        @Override
        public void power(PowerAction action, PowerOrigin origin) {
            mortality.step();
            power = action + " via " + origin;
            mortality.step();
        }
    };
}
