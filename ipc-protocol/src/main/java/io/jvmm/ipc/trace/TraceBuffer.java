package io.jvmm.ipc.trace;

import java.util.ArrayList;
import java.util.List;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** A trace in memory: for fuzzers and tests, which record and replay in one process. Allocates. One thread. */
public final class TraceBuffer implements BatchSink {
    private final List<byte[]> batches = new ArrayList<>();

    @Override
    public void publish(DirectBuffer batch, int lengthBytes) {
        byte[] bytes = new byte[lengthBytes];
        batch.getBytes(0, bytes);
        batches.add(bytes);
    }

    /** The batches themselves, for whoever wants to change a byte. */
    public List<byte[]> batches() {
        return batches;
    }

    /** Forgets everything. */
    public void clear() {
        batches.clear();
    }

    /** From the beginning. */
    public TraceSource source() {
        return new TraceSource() {
            private final UnsafeBuffer batch = new UnsafeBuffer(new byte[0]);
            private int index = -1;

            @Override
            public boolean nextBatch() {
                if (index + 1 >= batches.size()) {
                    return false;
                }
                index++;
                batch.wrap(batches.get(index));
                return true;
            }

            @Override
            public DirectBuffer batch() {
                return batch;
            }

            @Override
            public int lengthBytes() {
                return batch.capacity();
            }

            @Override
            public long sequence() {
                return index;
            }
        };
    }
}
