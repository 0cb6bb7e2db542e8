package io.jvmm.device.block;

import io.jvmm.device.api.trace.DeviceCall;
import org.jspecify.annotations.Nullable;

/**
 * What passes between the disks of a process and their host, on a tape: everything that is not a call of the runtime. Numbers are never reused. The
 * data of reads and writes is not there: it moves between guest memory and the image, and no disk looks at it.
 */
enum BlockCall {
    /** CALL function: its image and the workers are there. What of the image counts follows as answers. */
    ATTACH(64),
    /** CALL function, ticket, result: a worker is done with a request. */
    FINISH(65),
    /** CALL function: that was the last of a row of them. */
    FINISHED(66),
    /** CALL function: the disk is to be made safe. */
    MAKE_SAFE(67),

    /** OUTPUT ticket and type (upper half), position, length: a request goes to a worker. */
    SUBMIT(80),
    /** OUTPUT position, length, flags: a read that must not wait; ANSWER result. */
    READ(81),
    /** The same of a write. */
    WRITE(82),

    /** ANSWER bytes: length of the image. */
    LENGTH(96),
    /** ANSWER bytes. */
    BLOCK(97),
    /** ANSWER bytes. */
    PHYSICAL_BLOCK(98),
    /** ANSWER bytes. */
    DISCARD(99),
    /** ANSWER 1 when the host has dropped what it could not write. */
    LOST_WRITES(100);

    private static final BlockCall[] ALL = values();

    private final int code;

    BlockCall(int code) {
        this.code = code;
    }

    /** The number on the tape. */
    int code() {
        return code;
    }

    static @Nullable BlockCall of(int code) {
        for (BlockCall call : ALL) {
            if (call.code == code) {
                return call;
            }
        }
        return null;
    }

    static String nameOf(int code) {
        BlockCall call = of(code);
        return call == null ? DeviceCall.nameOf(code) : call.name();
    }
}
