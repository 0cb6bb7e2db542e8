package io.jvmm.fuzz.program;

import java.io.ByteArrayOutputStream;
import java.util.List;

/** Writes programs: for seeds, for tests, for what a recorder has seen. */
public final class ProgramWriter {
    private static final int MOST_DATA = 255;
    private static final int TIME_BITS = 12;

    private final List<Operation> vocabulary;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    public ProgramWriter(List<Operation> vocabulary) {
        this.vocabulary = List.copyOf(vocabulary);
    }

    /** What has been written. */
    public byte[] bytes() {
        return out.toByteArray();
    }

    /** How long that is. */
    public int length() {
        return out.size();
    }

    /** Whether programs of this vocabulary can say so. */
    public boolean knows(Operation operation) {
        return vocabulary.contains(operation);
    }

    private ProgramWriter begin(Operation operation) {
        int code = vocabulary.indexOf(operation);
        if (code < 0) {
            throw new IllegalArgumentException(operation + " is none of " + vocabulary);
        }
        return u8(code);
    }

    private ProgramWriter u8(int value) {
        out.write(value);
        return this;
    }

    private ProgramWriter little(long value, int bytes) {
        for (int i = 0; i < bytes; i++) {
            out.write((int) (value >>> (8 * i)));
        }
        return this;
    }

    private ProgramWriter data(byte[] data) {
        int length = Math.min(data.length, MOST_DATA);
        out.write(length);
        out.write(data, 0, length);
        return this;
    }

    private static int rw(int region, int widthBytes) {
        return region << 2 | Integer.numberOfTrailingZeros(widthBytes);
    }

    public ProgramWriter write(int region, int offset, int widthBytes, long value) {
        return begin(Operation.WRITE)
                .u8(rw(region, widthBytes))
                .little(offset, 2)
                .little(value, 4);
    }

    public ProgramWriter read(int region, int offset, int widthBytes) {
        return begin(Operation.READ).u8(rw(region, widthBytes)).little(offset, 2);
    }

    public ProgramWriter set(int register, long value) {
        return begin(Operation.SET).u8(register).little(value, 4);
    }

    public ProgramWriter sleep(long nanoseconds) {
        return begin(Operation.SLEEP).little(timeCode(nanoseconds), 2);
    }

    public ProgramWriter pause(long nanoseconds) {
        return begin(Operation.PAUSE).little(timeCode(nanoseconds), 2);
    }

    /** The shortest time that can be said and is not shorter. */
    static int timeCode(long nanoseconds) {
        int scale = 0;
        long left = nanoseconds;
        while (left >= 1 << TIME_BITS && scale < 15) {
            left = (left + 3) >>> 2;
            scale++;
        }
        return (int) Math.min(left, (1 << TIME_BITS) - 1) | scale << TIME_BITS;
    }

    public ProgramWriter input(int port, byte[] data) {
        return begin(Operation.INPUT).u8(port).data(data);
    }

    public ProgramWriter line(int port, int what) {
        return begin(Operation.LINE).u8(port).u8(what);
    }

    public ProgramWriter resample(int line) {
        return begin(Operation.RESAMPLE).u8(line);
    }

    /** One without operands. */
    public ProgramWriter plain(Operation operation) {
        return begin(operation);
    }

    public ProgramWriter memory(long address, byte[] data) {
        return begin(Operation.MEMORY).little(address, 3).data(data);
    }

    public ProgramWriter flip(int nth, int address, int value) {
        return begin(Operation.FLIP).u8(nth).little(address, 2).u8(value);
    }

    public ProgramWriter kick(int queue) {
        return begin(Operation.KICK).u8(queue);
    }

    public ProgramWriter setUp(long features, int how) {
        return begin(Operation.SETUP).little(features, 4).u8(how);
    }

    /**
     * A chain.
     *
     * @param buffers of each what it is and its length, see {@link Operation}
     */
    public ProgramWriter offer(int queue, int how, int[] buffers, byte[] data) {
        begin(Operation.OFFER).u8(queue).u8((how & 0x0F) | ((buffers.length / 2 - 1) << 4));
        for (int buffer : buffers) {
            u8(buffer);
        }
        return data(data);
    }

    public ProgramWriter suppress(int queue, int flags, int event) {
        return begin(Operation.SUPPRESS).u8(queue).u8(flags).little(event, 2);
    }

    public ProgramWriter answer(byte[] data) {
        return begin(Operation.ANSWER).data(data);
    }

    public ProgramWriter event(int what, int which) {
        return begin(Operation.EVENT).u8(what).little(which, 2);
    }

    public ProgramWriter request(int which, long argument) {
        return begin(Operation.REQUEST).u8(which).little(argument, 4);
    }
}
