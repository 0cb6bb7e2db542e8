package io.jvmm.device.block;

import org.jspecify.annotations.Nullable;

/** Request types (virtio 1.2 §5.2.6) that this device knows. */
enum RequestType {
    IN(0),
    OUT(1),
    FLUSH(4),
    GET_ID(8),
    DISCARD(11),
    WRITE_ZEROES(13);

    private static final int MOST = 13;

    @Nullable
    private static final RequestType[] BY_NUMBER = new @Nullable RequestType[MOST + 1];

    static {
        for (RequestType type : values()) {
            BY_NUMBER[type.number] = type;
        }
    }

    private final int number;

    RequestType(int number) {
        this.number = number;
    }

    /** The type's number on the wire. */
    int number() {
        return number;
    }

    /** The type of a number, or null. */
    static @Nullable RequestType of(int number) {
        return number >= 0 && number <= MOST ? BY_NUMBER[number] : null;
    }
}
