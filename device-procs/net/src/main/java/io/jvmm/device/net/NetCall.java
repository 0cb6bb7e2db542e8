package io.jvmm.device.net;

import io.jvmm.device.api.trace.DeviceCall;
import org.jspecify.annotations.Nullable;

/**
 * What passes between the cards of a process and their host, on a tape: everything that is not a call of the runtime. Numbers are never reused. Of a
 * frame that comes only the beginning is there, which the card looks at, and of one that goes only its header; the rest no card looks at.
 */
enum NetCall {
    /** CALL function, number of ports: the host's side is there. What kind of ports they are follows as answers. */
    CONNECT(64),
    /** CALL function, port: it has frames. */
    INPUT(65),
    /** CALL function, port: it takes frames again. */
    OUTPUT(66),

    /** OUTPUT port, length of the frame; its header as bytes; ANSWER as {@link FramePort#send}. */
    SEND(80),
    /** ANSWER as {@link FramePort#flush}. */
    FLUSH(81),
    /** OUTPUT port, room in guest memory; ANSWER as {@link FramePort#receive}. */
    RECEIVE(82),
    /** ANSWER the beginning of what is not in guest memory. */
    LOOK(83),
    /** OUTPUT port: the frame received last is not needed any more. */
    TAKEN(84),
    /** OUTPUT port, GUEST_ feature bits. */
    OFFLOADS(85),
    /** OUTPUT function, errno: the host's side is gone. */
    LOST(86),

    /** ANSWER 1 for a port that reads straight into guest memory. */
    STRAIGHT(96),
    /** ANSWER 1 when the host's side is gone. */
    GONE(97),
    /** ANSWER why. */
    ERRNO(98);

    private static final NetCall[] ALL = values();

    private final int code;

    NetCall(int code) {
        this.code = code;
    }

    /** The number on the tape. */
    int code() {
        return code;
    }

    static @Nullable NetCall of(int code) {
        for (NetCall call : ALL) {
            if (call.code == code) {
                return call;
            }
        }
        return null;
    }

    static String nameOf(int code) {
        NetCall call = of(code);
        return call == null ? DeviceCall.nameOf(code) : call.name();
    }
}
