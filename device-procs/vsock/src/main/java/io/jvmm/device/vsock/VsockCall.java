package io.jvmm.device.vsock;

import io.jvmm.device.api.trace.DeviceCall;
import org.jspecify.annotations.Nullable;

/**
 * What passes between the functions of a process and their host, on a tape: everything that is not a call of the runtime. Numbers are never reused. Data of
 * connections is not there, no function looks at it; the line that a client begins with is.
 */
enum VsockCall {
    /** CALL function: the connections, and what the host's side is made of. */
    ATTACH(64),
    /** CALL function: {@link Sockets#serving}. */
    SERVE(65),
    /** CALL function: {@link Sockets#delivering}. */
    DELIVER(66),

    /** ANSWER 1 when nothing of a predecessor counts; else its records follow as bytes. */
    STREAMS(72),
    /** OUTPUT how many records, their sum, epoch: {@link ConnectionBook#seal}. */
    SEAL(73),
    /** ANSWER nanoseconds. */
    CLOCK(74),

    /** ANSWER how many events. */
    POLL(80),
    /** ANSWER what an event is about. */
    EVENT(81),
    /** ANSWER which it is. */
    EVENT_BITS(82),
    /** OUTPUT socket, events, data; ANSWER result. */
    WATCH(83),
    /** The same. */
    CHANGE(84),
    /** OUTPUT socket. */
    UNWATCH(85),

    /** OUTPUT socket, most bytes; ANSWER result, and the bytes. */
    PEEK(88),
    /** OUTPUT socket, length; ANSWER result. */
    RECEIVE(89),
    /** The same. */
    SEND(90),
    /** OUTPUT socket, direction. */
    SHUTDOWN(91),
    /** OUTPUT socket. */
    CLOSE(92),

    /** OUTPUT data; ANSWER 1 when there is a connect channel. */
    CHANNEL(96),
    /** OUTPUT. */
    LEAVE_CHANNEL(97),
    /** ANSWER 1 when the supervisor has closed it. */
    CLOSED(98),
    /** OUTPUT id, port; ANSWER 1 when it went. */
    ASK(99),
    /** OUTPUT id; ANSWER 1 when it went. */
    TELL_CLOSED(100),
    /** The same. */
    RESUME(101),
    /** ANSWER 0 for no message, or what it is and its id (upper half). */
    NEXT(102),
    /** ANSWER the descriptor of the message taken last. */
    DESCRIPTOR(103),
    /** ANSWER 1 when it was lost on the way. */
    LOST_DESCRIPTOR(104);

    private static final VsockCall[] ALL = values();

    private final int code;

    VsockCall(int code) {
        this.code = code;
    }

    /** The number on the tape. */
    int code() {
        return code;
    }

    static @Nullable VsockCall of(int code) {
        for (VsockCall call : ALL) {
            if (call.code == code) {
                return call;
            }
        }
        return null;
    }

    static String nameOf(int code) {
        VsockCall call = of(code);
        return call == null ? DeviceCall.nameOf(code) : call.name();
    }
}
