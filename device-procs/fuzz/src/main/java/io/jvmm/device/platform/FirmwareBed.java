package io.jvmm.device.platform;

import io.jvmm.device.api.DeviceEffects;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.trace.Tape;
import java.util.Arrays;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The shipped platform device with its firmware configuration, over one state, one guest memory, and files of a board as {@link PlatformDevice} attaches
 * them: by their bytes, which may change, with or without a tape. What the device must never do is an {@link IllegalStateException}. One thread. Allocates for
 * successors, and where a tape grows.
 */
public final class FirmwareBed {
    private static final int FIRST_TAPE_BYTES = 1 << 14;

    private final PlatformDevice factory = new PlatformDevice();
    private final UnsafeBuffer state = new UnsafeBuffer(new byte[PlatformStateLayout.LENGTH_BYTES]);
    private final byte[] poweredOn = new byte[PlatformStateLayout.LENGTH_BYTES];
    private final UnsafeBuffer nothing = new UnsafeBuffer(new byte[0]);
    private final GuestMemory guest;
    private final PlatformCore first;
    private final Answers tape = new Answers();
    private PlatformCore core;
    private int guestErrors;

    /** Effects of the device; of the firmware configuration there are only these. */
    private final DeviceEffects effects = new DeviceEffects() {
        @Override
        public void interrupt(int line) {
            throw new IllegalStateException("an interrupt of the firmware configuration, line " + line);
        }

        @Override
        public void interruptLevel(int line, boolean asserted) {
            if (asserted) {
                interrupt(line);
            }
        }

        @Override
        public void guestError(int code, long detail) {
            guestErrors++;
        }

        @Override
        public void power(PowerAction action, PowerOrigin origin) {
            throw new IllegalStateException("the firmware configuration asks for " + action);
        }
    };

    /** What was read of the files, in its order: taken down, or given again. */
    private static final class Answers implements Tape {
        private byte[] bytes = new byte[FIRST_TAPE_BYTES];
        private int end;
        private int at;
        private boolean live;

        @Override
        public boolean live() {
            return live;
        }

        @Override
        public void answerBytes(int method, MutableDirectBuffer into, int offset, int lengthBytes) {
            int needed = at + Short.BYTES + Integer.BYTES + lengthBytes;
            if (live && needed > bytes.length) {
                bytes = Arrays.copyOf(bytes, Math.max(needed, 2 * bytes.length));
            }
            if (!live && needed > end) {
                throw new IllegalStateException("a replay reads more than was read: " + method + ", " + lengthBytes);
            }
            UnsafeBuffer view = new UnsafeBuffer(bytes);
            if (live) {
                view.putShort(at, (short) method);
                view.putInt(at + Short.BYTES, lengthBytes);
                into.getBytes(offset, view, at + Short.BYTES + Integer.BYTES, lengthBytes);
                end = needed;
            } else {
                if (view.getShort(at) != method || view.getInt(at + Short.BYTES) != lengthBytes) {
                    throw new IllegalStateException("a replay reads " + method + ", " + lengthBytes + " bytes, where "
                            + view.getShort(at) + ", " + view.getInt(at + Short.BYTES) + " bytes, was read");
                }
                into.putBytes(offset, view, at + Short.BYTES + Integer.BYTES, lengthBytes);
            }
            at = needed;
        }

        @Override
        public long answer(int method, long value) {
            return value;
        }

        @Override
        public void call(int method, long a, long b, long c, long nowNs) {}

        @Override
        public void callBytes(DirectBuffer called, int offset, int lengthBytes) {}

        @Override
        public void output(int method, long a, long b, long c) {}

        @Override
        public void outputBytes(int method, DirectBuffer put, int offset, int lengthBytes) {}

        @Override
        public void commit() {}
    }

    public FirmwareBed(GuestMemory guest) {
        this.guest = guest;
        this.first = make(true);
        this.core = first;
        state.getBytes(0, poweredOn);
    }

    private PlatformCore make(boolean fresh) {
        return (PlatformCore) factory.create(factory.exampleConfig(), state, fresh, effects, guest, 0);
    }

    /**
     * Another machine, switched on.
     *
     * @param lengthBytes of {@code files}
     * @param taped what is read of the files is taken down for {@link #replay}
     */
    public void begin(DirectBuffer files, int lengthBytes, boolean taped) {
        state.putBytes(0, poweredOn);
        core = first;
        guestErrors = 0;
        tape.live = true;
        tape.at = 0;
        tape.end = 0;
        core.firmwareFiles(files, lengthBytes, taped ? tape : null);
    }

    /** The machine that was taken down, from its beginning: there are no files, only the tape. */
    public void replay(int lengthBytes) {
        state.putBytes(0, poweredOn);
        core = first;
        guestErrors = 0;
        tape.live = false;
        tape.at = 0;
        core.firmwareFiles(nothing, lengthBytes, tape);
    }

    /** All that was taken down has been read again. */
    public boolean replayed() {
        return tape.at == tape.end;
    }

    /**
     * The process dies, and another one goes on.
     *
     * @throws io.jvmm.device.api.StateRejectedException when it does not take the state
     */
    public void succeed(DirectBuffer files, int lengthBytes) {
        core = make(false);
        core.firmwareFiles(files, lengthBytes, null);
    }

    /** The machine's reset line. */
    public void reset() {
        core.reset(0);
    }

    /** A read of the window, as wide as asked for. */
    public long read(int offset, int widthBytes) {
        long mask = widthBytes == Long.BYTES ? -1 : (1L << (widthBytes * Byte.SIZE)) - 1;
        return core.read(PlatformIdentity.REGION_FW_CFG, offset, widthBytes, 0) & mask;
    }

    public void write(int offset, int widthBytes, long value) {
        core.write(PlatformIdentity.REGION_FW_CFG, offset, widthBytes, value, 0);
    }

    /** How often the guest did what it must not, since the machine was switched on. */
    public int guestErrors() {
        return guestErrors;
    }

    /** The field of the state that no successor would take, or an empty text. */
    public String insaneField() {
        String field = PlatformStateCheck.violation(state, 0);
        return field == null ? "" : field;
    }
}
