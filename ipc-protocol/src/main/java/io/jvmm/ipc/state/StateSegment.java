package io.jvmm.ipc.state;

import io.jvmm.ipc.sys.Fd;
import org.agrona.concurrent.AtomicBuffer;

/** STUB: bodies follow. */
public final class StateSegment implements AutoCloseable {
    private StateSegment() {}

    public static StateSegment create(String name, int deviceId, int version, int stateLengthBytes) {
        throw new UnsupportedOperationException();
    }

    /** @throws StateFormatException when the segment is not of this device, version and length, or has no valid slot */
    public static StateSegment adopt(Fd fd, int deviceId, int version, int stateLengthBytes) {
        throw new UnsupportedOperationException();
    }

    public Fd fd() {
        throw new UnsupportedOperationException();
    }

    /** Private working copy, {@code stateLengthBytes} long, 8-byte aligned. */
    public AtomicBuffer working() {
        throw new UnsupportedOperationException();
    }

    public void commit(long ringPosition) {}

    public long ringPosition() {
        return 0;
    }

    /** Whether nothing has ever been committed: the device starts from power-on state. */
    public boolean fresh() {
        return true;
    }

    @Override
    public void close() {}
}
