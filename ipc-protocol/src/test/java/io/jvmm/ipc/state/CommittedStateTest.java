package io.jvmm.ipc.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Mapping;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** PROTOCOL.md, "State segment", reading. */
class CommittedStateTest {
    private static final int DEVICE = 9;
    private static final int VERSION = 4;
    private static final int LENGTH = 2000;

    private final StateSegment segment = StateSegment.create("test-state", DEVICE, VERSION, LENGTH);

    @AfterEach
    void close() {
        segment.close();
    }

    @Test
    void theLastCommit() {
        final CommittedState fresh = CommittedState.read(segment.fd());
        assertEquals(0, fresh.sequence());
        segment.working().setMemory(0, LENGTH, (byte) 0x55);
        segment.commit(64);
        segment.working().setMemory(0, LENGTH, (byte) 0x77);
        final CommittedState state = CommittedState.read(segment.fd());
        assertEquals(DEVICE, state.deviceId());
        assertEquals(VERSION, state.version());
        assertEquals(1, state.sequence());
        assertEquals(64, state.ringPosition());
        assertEquals(LENGTH, state.state().capacity());
        assertEquals(0x55, state.state().getByte(LENGTH - 1));
    }

    @Test
    void aCopyInAFile(@TempDir Path directory) throws IOException {
        segment.working().putLong(0, 42);
        segment.commit();
        final Path copy = directory.resolve("copy");
        final byte[] bytes = bytes();
        Files.write(copy, bytes);
        try (Fd fd = FileIo.open(copy, FileIo.READ_ONLY, 0)) {
            assertEquals(42, CommittedState.read(fd).state().getLong(0));
        }
        Files.write(copy, java.util.Arrays.copyOf(bytes, bytes.length - 1));
        try (Fd fd = FileIo.open(copy, FileIo.READ_ONLY, 0)) {
            assertThrows(StateFormatException.class, () -> CommittedState.read(fd));
        }
    }

    private byte[] bytes() {
        final byte[] bytes = new byte[(int) FileIo.size(segment.fd())];
        try (Mapping mapping = Mapping.shared(segment.fd(), 0, bytes.length, Mapping.Access.READ_WRITE)) {
            mapping.buffer().getBytes(0, bytes);
        }
        return bytes;
    }

    /** Two commits during one copy spoil it; then it is made again. */
    @Test
    void aReaderNeverSeesHalfACommit() throws Exception {
        final AtomicBoolean done = new AtomicBoolean();
        final Thread writer = Thread.ofPlatform().start(() -> {
            while (!done.get()) {
                final long next = segment.sequence() + 1;
                for (int i = 0; i < LENGTH; i += Long.BYTES) {
                    segment.working().putLong(i, next);
                }
                segment.commit();
            }
        });
        try {
            long last = 0;
            for (int i = 0; i < 5_000; i++) {
                final CommittedState state = CommittedState.read(segment.fd());
                for (int j = 0; j < LENGTH; j += Long.BYTES) {
                    assertEquals(state.sequence(), state.state().getLong(j));
                }
                assertTrue(state.sequence() >= last);
                last = state.sequence();
            }
        } finally {
            done.set(true);
            writer.join();
        }
    }

    @Test
    void damageIsRefused(@TempDir Path directory) throws IOException {
        final long seed = TestSeed.next();
        final Random random = new Random(seed);
        segment.working().putLong(0, 42);
        segment.commit();
        final byte[] good = bytes();
        final Path copy = directory.resolve("copy");
        for (int i = 0; i < 300; i++) {
            final byte[] bad = good.clone();
            final int at = random.nextInt(24); // magic, device, version, length, layout
            bad[at] ^= (byte) (1 << random.nextInt(8));
            Files.write(copy, bad);
            try (Fd fd = FileIo.open(copy, FileIo.READ_ONLY, 0)) {
                if (at >= StateSegmentLayout.HEADER_DEVICE && at < StateSegmentLayout.HEADER_STATE_LENGTH) {
                    CommittedState.read(fd); // whose state it is, is the reader's to check
                } else {
                    assertThrows(StateFormatException.class, () -> CommittedState.read(fd), "byte " + at);
                }
            }
            bad[at] = good[at];
            bad[new StateSegmentLayout(LENGTH).slotOffset(1) + random.nextInt(LENGTH)] ^= 1;
            Files.write(copy, bad);
            try (Fd fd = FileIo.open(copy, FileIo.READ_ONLY, 0)) {
                assertThrows(StateFormatException.class, () -> CommittedState.read(fd));
            }
        }
    }
}
