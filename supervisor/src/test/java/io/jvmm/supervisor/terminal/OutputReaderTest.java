package io.jvmm.supervisor.terminal;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Pipe;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

final class OutputReaderTest {
    private static final long SHORT_NS = 1_000_000;
    private static final long FOR_EVER_NS = Long.MAX_VALUE / 4;

    @Test
    void aReaderThatGoesIsSeenWithoutAWord() {
        Pipe pipe = Pipe.create();
        OutputReader reader = new OutputReader(pipe.writer());
        assertTrue(reader.await(SHORT_NS));
        Thread.ofPlatform().start(() -> pipe.reader().close());
        assertFalse(reader.await(FOR_EVER_NS));
        pipe.writer().close();
    }

    @Test
    void aFileHasAReaderAlways() {
        try (Fd nothing = FileIo.open(Path.of("/dev/null"), FileIo.READ_WRITE, 0)) {
            assertTrue(new OutputReader(nothing).await(SHORT_NS));
        }
    }
}
