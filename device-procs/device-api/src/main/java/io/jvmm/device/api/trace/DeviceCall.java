package io.jvmm.device.api.trace;

import io.jvmm.ipc.memory.MemoryTap;
import org.jspecify.annotations.Nullable;

/**
 * Methods of the runtime on a tape: calls of a core, what it gives back, and its effects. Numbers are never reused. {@code a}, {@code b}, {@code c} of
 * each record are told here; what is not told is 0. {@code place} is region in the lower half, width in bytes in the upper one. A port of function F of a virtio device is F
 * in the upper half, port in the lower.
 */
public enum DeviceCall {
    /** CALL place, offset; OUTPUT value. */
    READ(1),
    /** CALL place, offset, value. */
    WRITE(2),
    /** CALL queue. */
    KICK(3),
    /** CALL. */
    RESET(4),
    /** CALL. */
    TIMER(5),
    /** CALL line. */
    RESAMPLE(6),
    /** CALL. */
    POWER_BUTTON(7),
    /** CALL. */
    WORK(8),
    /** CALL code of the request, argument; OUTPUT 1 when the device knew what to do. */
    HOST_REQUEST(10),
    /** CALL nanoseconds of the pause. */
    RESUMED(11),
    /** CALL. */
    RESUME(12),
    /** CALL port, value. */
    HOST_INPUT(13),
    /** CALL port, length, and bytes; OUTPUT how many were taken. */
    HOST_INPUT_BYTES(14),
    /** CALL port. */
    HOST_BREAK(15),
    /** CALL port, 1 when somebody is there. */
    HOST_CARRIER(16),
    /** CALL port, most bytes; OUTPUT the bytes. Only when there are some. */
    HOST_OUTPUT(17),
    /** CALL port, how many. */
    HOST_OUTPUT_DONE(18),
    /** CALL port, input, output. */
    HOST_POSITIONS(19),
    /** CALL port; OUTPUT bytes. Only when the core looked at anything but its state to know. */
    HOST_INPUT_ROOM(20),

    /** OUTPUT line. */
    INTERRUPT(32),
    /** OUTPUT line, 1 when asserted. */
    INTERRUPT_LEVEL(33),
    /** OUTPUT code, detail. */
    GUEST_ERROR(34),
    /** OUTPUT function, generation. */
    CONFIG_CHANGED(35),
    /** OUTPUT function, reason. */
    NEEDS_RESET(36),
    /** OUTPUT action, origin. */
    POWER(37),

    /** OUTPUT offset, length; ANSWER 0 or a negated errno. */
    MEMORY_DISCARD(MemoryTap.METHOD_DISCARD);

    /** Methods from here on are the device's own. */
    public static final int FIRST_OF_DEVICE = 64;

    private static final DeviceCall[] BY_CODE = new DeviceCall[FIRST_OF_DEVICE];

    static {
        for (DeviceCall call : values()) {
            BY_CODE[call.code] = call;
        }
    }

    private final int code;

    DeviceCall(int code) {
        this.code = code;
    }

    /** The number on the tape. */
    public int code() {
        return code;
    }

    /** The name of a method of the runtime; its number when it is none. */
    public static String nameOf(int code) {
        DeviceCall call = of(code);
        return call == null ? Integer.toString(code) : call.name();
    }

    /** The method of a number; null when the runtime has none. */
    public static @Nullable DeviceCall of(int code) {
        return code >= 0 && code < BY_CODE.length ? BY_CODE[code] : null;
    }
}
