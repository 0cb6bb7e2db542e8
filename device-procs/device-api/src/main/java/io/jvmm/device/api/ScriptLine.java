package io.jvmm.device.api;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Pipe;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The other end of a port of a device that runs alone, for ports that are descriptors of a back end: two pipes, with somebody who types and reads. One thread; never waits.
 */
final class ScriptLine {
    private static final int CHUNK_BYTES = 4096;

    private final Pipe in = Pipe.create();
    private final Pipe out = Pipe.create();
    private final MemorySegment chunk = Arena.ofAuto().allocate(CHUNK_BYTES);

    /** With nothing said yet. */
    ScriptLine() {
        in.writer().setNonBlocking(true);
        out.reader().setNonBlocking(true);
    }

    /** What the device reads. */
    Fd in() {
        return in.reader();
    }

    /** What the device writes. */
    Fd out() {
        return out.writer();
    }

    /** Types a text, a character a byte; false when it does not fit in a pipe that nobody reads. */
    boolean type(String text) {
        for (int at = 0; at < text.length(); ) {
            int count = Math.min(CHUNK_BYTES, text.length() - at);
            for (int i = 0; i < count; i++) {
                chunk.set(ValueLayout.JAVA_BYTE, i, (byte) text.charAt(at + i));
            }
            long written = FileIo.tryWrite(in.writer(), chunk, 0, count);
            if (written <= 0) {
                return false;
            }
            at += (int) written;
        }
        return true;
    }

    /** What the device has written since last asked. */
    String read() {
        StringBuilder text = new StringBuilder();
        long count = FileIo.tryRead(out.reader(), chunk, 0, CHUNK_BYTES);
        while (count > 0) {
            for (int i = 0; i < count; i++) {
                text.append((char) (chunk.get(ValueLayout.JAVA_BYTE, i) & 0xFF));
            }
            count = FileIo.tryRead(out.reader(), chunk, 0, CHUNK_BYTES);
        }
        return text.toString();
    }
}
