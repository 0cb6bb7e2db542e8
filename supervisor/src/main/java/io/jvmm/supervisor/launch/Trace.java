package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SystemInfo;
import io.jvmm.ipc.trace.TraceRing;
import io.jvmm.supervisor.journal.RecorderWords;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What one process of a recorded device writes its trace to: made for it alone, and read by the recorder until it is empty. The supervisor
 * never looks into it.
 *
 * @param word names it to the recorder, and nothing else ever
 */
public record Trace(String word, TraceRing ring, EventFd bell) implements AutoCloseable {
    private static final AtomicLong COUNT = new AtomicLong();
    /** Tells apart what two supervisors of one directory have made. */
    private static final long BEGAN_MS = System.currentTimeMillis();

    static Trace create(ProcessInstance device) {
        TraceRing ring = TraceRing.create(device.process() + "-trace");
        try {
            String word = BEGAN_MS + "-" + SystemInfo.pid() + "-" + COUNT.incrementAndGet();
            return new Trace(word, ring, EventFd.create());
        } catch (RuntimeException e) {
            ring.close();
            throw e;
        }
    }

    /** For the process that writes it, and for the one that reads it. */
    public void give(BootRecord.Builder record) {
        record.fd(RecorderWords.FD_TRACE, ring.fd()).fd(RecorderWords.FD_BELL, bell.fd());
    }

    /** The memory. */
    public Fd fd() {
        return ring.fd();
    }

    /** Closes what the supervisor holds of it; a second time does nothing. */
    @Override
    public void close() {
        ring.close();
        bell.close();
    }
}
