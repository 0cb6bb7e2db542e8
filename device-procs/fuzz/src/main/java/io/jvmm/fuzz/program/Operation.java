package io.jvmm.fuzz.program;

import java.util.List;

/**
 * One thing that a guest, a host or time does to a device. An operation is one byte, which says which of the target's it is (modulo their number), then its
 * operands, little-endian; where the input ends early the missing bytes are zeros. So every string of bytes is a program, a byte that changes never moves the
 * meaning of those before it, and what a mutation takes out of the middle leaves most of the rest as it was.
 *
 * <pre>
 * rw    u8: bits 0..1 the width as a power of two, bits 2..7 the region, modulo their number
 * time  u16: bits 0..11 times 4 to the power of bits 12..15, nanoseconds
 * data  u8 length, then so many bytes
 * chain u8 queue, u8 how (bit 0 kick, 1 indirect, 2 do not show it yet; bits 4..6 buffers less one), per buffer u8 what (see GuestDriver) and u8 length, data
 * </pre>
 */
public enum Operation {
    /** {@code rw, u16 offset, u32 value}: a register write. */
    WRITE("write", 7, false),
    /** {@code rw, u16 offset}: a register read. */
    READ("read", 3, false),
    /** {@code u8 register, u32 value}: a write to a register of those that have names. */
    SET("set", 5, false),
    /** {@code u8 register, u8 value}: the same for a byte. */
    SET8("set8", 2, false),
    /** {@code u8 register}: a read of one of those. */
    GET("get", 1, false),
    /** {@code time}: it passes. */
    SLEEP("sleep", 2, false),
    /** {@code u8 port, data}: bytes from the host. */
    INPUT("input", 1, true),
    /** {@code u8 port, u8 what}: 0 break, 1 carrier on, 2 carrier off, 3 the host takes no output, 4 it takes it again. */
    LINE("line", 2, false),
    /** {@code u8 line}: the guest ends a level interrupt. */
    RESAMPLE("eoi", 1, false),
    /** The power button. */
    POWER("power", 0, false),
    /** The machine's reset line. */
    RESET("reset", 0, false),
    /** The process dies, and a successor adopts the state. */
    ADOPT("kill", 0, false),
    /** {@code u24 address, data}: the guest writes to its memory. */
    MEMORY("mem", 3, true),
    /** {@code u8 nth, u16 address, u8 value}: before the nth read of guest memory from now on a byte changes. */
    FLIP("flip", 4, false),
    /** {@code u8 queue}: a kick. */
    KICK("kick", 1, false),
    /** {@code u32 features, u8 how}: a driver sets the device up; see GuestDriver. */
    SETUP("setup", 5, false),
    /** {@code chain}: a buffer is offered. */
    OFFER("offer", 0, false),
    /** {@code u8 queue, u8 flags, u16 event}: when the driver wants interrupts of a queue. */
    SUPPRESS("suppress", 4, false),
    /** {@code data}: what the host will answer, a byte a time; without any it is well-behaved. */
    ANSWER("answer", 0, true),
    /** {@code u8 what, u16 which}: something happens at the host's side. */
    EVENT("event", 3, false),
    /** {@code u8 which, u32 argument}: a request of the supervisor. */
    REQUEST("request", 5, false),
    /** {@code time}: the machine was paused for so long. */
    PAUSE("pause", 2, false);

    /** What devices without virtqueues understand. */
    public static final List<Operation> OF_REGISTERS =
            List.of(WRITE, READ, SET, SET8, GET, SLEEP, INPUT, LINE, RESAMPLE, POWER, RESET, ADOPT);

    /** What the platform understands: it has a DMA engine, too. */
    public static final List<Operation> OF_PLATFORM =
            List.of(WRITE, READ, SET, SET8, GET, SLEEP, INPUT, LINE, RESAMPLE, POWER, RESET, ADOPT, MEMORY, FLIP);

    /** What virtio devices understand. */
    public static final List<Operation> OF_VIRTIO = List.of(
            WRITE, READ, SET, SET8, GET, SLEEP, INPUT, LINE, RESAMPLE, RESET, ADOPT, MEMORY, FLIP, KICK, SETUP, OFFER,
            SUPPRESS, ANSWER, EVENT, REQUEST, PAUSE);

    private static final int MOST_BUFFERS = 8;

    private final String word;
    private final int fixedBytes;
    private final boolean data;

    Operation(String word, int fixedBytes, boolean data) {
        this.word = word;
        this.fixedBytes = fixedBytes;
        this.data = data;
    }

    /** For people. */
    public String word() {
        return word;
    }

    /** How many buffers the second byte of a chain says. */
    public static int buffers(int how) {
        return (how >>> 4) % MOST_BUFFERS + 1;
    }

    /**
     * How long the operation is that begins at {@code at}, with its first byte; more than there is where the input ends early.
     *
     * @param bytes the whole input
     */
    public int lengthAt(byte[] bytes, int at) {
        int end = at + 1 + fixedBytes;
        if (this == OFFER) {
            end += 2 + 2 * buffers(unsigned(bytes, at + 2));
        }
        if (data || this == OFFER) {
            end += 1 + unsigned(bytes, end);
        }
        return end - at;
    }

    private static int unsigned(byte[] bytes, int at) {
        return at < bytes.length ? bytes[at] & 0xFF : 0;
    }
}
