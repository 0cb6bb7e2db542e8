package io.jvmm.device.api;

import io.jvmm.device.api.DeviceIdentity.Interrupt;
import io.jvmm.device.api.DeviceIdentity.Region;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.AtomicBuffer;

/**
 * The smallest device that uses everything: region 0 has eight bytes of memory, region 1 a data port that sends to the
 * host and reads what the host sent, region 2 controls: 0 raises edge line 0, 1 sets level line 1, 2 asks for power-off,
 * 3 sets a timer in microseconds that raises line 0, 4 counts reads.
 */
final class EchoDevice implements DeviceFactory {

    static final int MEMORY = 0;
    static final int DATA = 1;
    static final int CONTROL = 2;

    /** The byte of {@link #MEMORY} into which a driver writes 0 to reset the device. */
    static final int RESET = 7;

    private static final int AT_MEMORY = 0;
    private static final int AT_LEVEL = 8;
    private static final int AT_DEADLINE = 16;
    private static final int AT_COUNT = 24;
    private static final int AT_IN = 28;
    private static final int AT_IN_FULL = 29;
    private static final int AT_OUT_COUNT = 30;
    private static final int AT_OUT = 32;
    private static final int OUT_BYTES = 8;

    static final DeviceIdentity IDENTITY = new DeviceIdentity(
            "echo",
            0x6563686F,
            1,
            MemoryLayout.structLayout(
                    ValueLayout.JAVA_LONG.withName("memory"),
                    ValueLayout.JAVA_BYTE.withName("level"),
                    MemoryLayout.paddingLayout(7),
                    ValueLayout.JAVA_LONG.withName("deadlineNs"),
                    ValueLayout.JAVA_INT.withName("count"),
                    ValueLayout.JAVA_BYTE.withName("in"),
                    ValueLayout.JAVA_BYTE.withName("inFull"),
                    ValueLayout.JAVA_BYTE.withName("outCount"),
                    MemoryLayout.paddingLayout(1),
                    MemoryLayout.sequenceLayout(OUT_BYTES, ValueLayout.JAVA_BYTE)
                            .withName("out")),
            List.of(new Region("memory", 0x100, 8), new Region("data", 0x110, 1), new Region("control", 0x120, 8)),
            List.of(new Interrupt("edge", 5, false), new Interrupt("level", 9, true)),
            1);

    /** Thrown into the middle of a message by {@link #killAfter}: the process dies here. */
    static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Killed() {
            super("killed", null, false, false);
        }
    }

    /** Changes of the state and commits after which {@link Killed} is thrown; 0 never. */
    int killAfter;

    /** Pieces of work left over. */
    int pieces;
    /** Pieces that are done, and commits the core was told of. */
    int piecesDone;

    int commits;
    /** How long the machine was paused, and how often it was told. */
    long pausedNs;

    int pauses;

    /** How much longer the exercise takes. If at all, then a state of the future is rejected, as a clock's is. */
    long lastsNs;

    private long latestNs;

    @Override
    public DeviceIdentity identity() {
        return IDENTITY;
    }

    @Override
    public DeviceCore create(
            DeviceConfig config, AtomicBuffer state, boolean fresh, DeviceEffects effects, long nowNs) {
        if (!fresh && lastsNs > 0 && nowNs < latestNs) {
            throw new StateRejectedException("echo state: of the future");
        }
        if (fresh) {
            state.putLong(AT_DEADLINE, DeviceCore.NO_DEADLINE, ByteOrder.LITTLE_ENDIAN);
        } else if (state.getByte(AT_OUT_COUNT) < 0 || state.getByte(AT_OUT_COUNT) > OUT_BYTES) {
            throw new StateRejectedException("echo state: outCount is " + state.getByte(AT_OUT_COUNT));
        }
        return new Core(state, effects);
    }

    @Override
    public boolean answersKicks() {
        return true;
    }

    @Override
    public boolean resetsDevice(int region, int offset, long value) {
        return region == MEMORY && offset == RESET && value == 0;
    }

    @Override
    public DeviceConfig exampleConfig() {
        return key -> Optional.empty();
    }

    @Override
    public void exercise(Exercise machine) {
        for (int i = 0; i < 8; i++) {
            machine.write(MEMORY, i, 1, i);
            machine.read(MEMORY, i, 1);
        }
        machine.hostInput(0, "in");
        machine.read(DATA, 0, 1);
        machine.read(DATA, 0, 1);
        machine.write(DATA, 0, 1, 'o');
        machine.write(CONTROL, 0, 1, 1);
        machine.write(CONTROL, 1, 1, 1);
        machine.resample(1);
        machine.write(CONTROL, 1, 1, 0);
        machine.write(CONTROL, 3, 1, 10);
        machine.advance(20_000);
        machine.powerButton();
        if (lastsNs > 0) {
            machine.advance(lastsNs);
            machine.write(MEMORY, 0, 1, 0);
        }
    }

    private final class Core implements DeviceCore {
        private final AtomicBuffer state;
        private final DeviceEffects effects;

        Core(AtomicBuffer state, DeviceEffects effects) {
            this.state = state;
            this.effects = effects;
        }

        private void maybeDie() {
            if (killAfter > 0 && --killAfter == 0) {
                throw new Killed();
            }
        }

        @Override
        public long read(int region, int offset, int widthBytes, long nowNs) {
            long value = switch (region) {
                case MEMORY -> state.getLong(AT_MEMORY, ByteOrder.LITTLE_ENDIAN) >>> (8 * offset);
                case DATA -> {
                    int in = state.getByte(AT_IN_FULL) != 0 ? state.getByte(AT_IN) & 0xFF : 0;
                    state.putByte(AT_IN_FULL, (byte) 0);
                    yield in;
                }
                default -> {
                    int count = state.getInt(AT_COUNT, ByteOrder.LITTLE_ENDIAN) + 1;
                    state.putInt(AT_COUNT, count, ByteOrder.LITTLE_ENDIAN);
                    yield count;
                }
            };
            maybeDie();
            return value;
        }

        @Override
        public void write(int region, int offset, int widthBytes, long value, long nowNs) {
            latestNs = Math.max(latestNs, nowNs);
            switch (region) {
                case MEMORY -> {
                    for (int i = 0; i < widthBytes; i++) {
                        state.putByte(AT_MEMORY + offset + i, (byte) (value >>> (8 * i)));
                    }
                }
                case DATA -> {
                    int count = state.getByte(AT_OUT_COUNT);
                    if (count < OUT_BYTES) {
                        state.putByte(AT_OUT + count, (byte) value);
                        state.putByte(AT_OUT_COUNT, (byte) (count + 1));
                    } else {
                        effects.guestError(1, value);
                    }
                }
                default -> control(offset, value, nowNs);
            }
            maybeDie();
        }

        private void control(int offset, long value, long nowNs) {
            switch (offset) {
                case 0 -> effects.interrupt(0);
                case 1 -> {
                    state.putByte(AT_LEVEL, (byte) value);
                    effects.interruptLevel(1, value != 0);
                }
                case 2 -> effects.power(PowerAction.POWER_OFF, PowerOrigin.ACPI);
                case 3 -> state.putLong(AT_DEADLINE, nowNs + value * 1000, ByteOrder.LITTLE_ENDIAN);
                default -> effects.guestError(2, offset);
            }
        }

        @Override
        public void reset(long nowNs) {
            state.putLong(AT_MEMORY, 0);
        }

        @Override
        public void timer(long nowNs) {
            state.putLong(AT_DEADLINE, NO_DEADLINE, ByteOrder.LITTLE_ENDIAN);
            effects.interrupt(0);
        }

        @Override
        public long nextDeadlineNs() {
            return state.getLong(AT_DEADLINE, ByteOrder.LITTLE_ENDIAN);
        }

        @Override
        public boolean hasWork() {
            return pieces > 0;
        }

        @Override
        public void work(long nowNs) {
            pieces--;
            piecesDone++;
        }

        @Override
        public void committed(long nowNs) {
            commits++;
            maybeDie(); // committed, and its record not yet given back
        }

        @Override
        public void resumed(long durationNs, long nowNs) {
            pausedNs += durationNs;
            pauses++;
        }

        @Override
        public void resample(int line, long nowNs) {
            if (state.getByte(AT_LEVEL) != 0) {
                effects.interruptLevel(line, true);
            }
        }

        @Override
        public void powerButton(long nowNs) {
            effects.interrupt(0);
        }

        @Override
        public int hostInputRoom(int port) {
            return state.getByte(AT_IN_FULL) == 0 ? 1 : 0;
        }

        @Override
        public void hostInput(int port, int value, long nowNs) {
            state.putByte(AT_IN, (byte) value);
            state.putByte(AT_IN_FULL, (byte) 1);
        }

        @Override
        public int hostOutput(int port, MutableDirectBuffer into, int offset, int limitBytes) {
            int count = Math.min(state.getByte(AT_OUT_COUNT), limitBytes);
            into.putBytes(offset, state, AT_OUT, count);
            return count;
        }

        @Override
        public void hostOutputDone(int port, int count, long nowNs) {
            int left = state.getByte(AT_OUT_COUNT) - count;
            for (int i = 0; i < left; i++) {
                state.putByte(AT_OUT + i, state.getByte(AT_OUT + count + i));
            }
            state.putByte(AT_OUT_COUNT, (byte) left);
        }

        @Override
        public boolean hostOutputUrgent() {
            return state.getByte(AT_OUT_COUNT) == OUT_BYTES;
        }
    }
}
