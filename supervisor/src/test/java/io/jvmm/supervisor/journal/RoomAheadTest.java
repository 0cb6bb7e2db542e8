package io.jvmm.supervisor.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RoomAheadTest {
    @TempDir
    Path directory;

    @Test
    void onlyADiskThatIsShortOfRoomIsAskedForIt() {
        AtomicLong usable = new AtomicLong(RoomAhead.AMPLE_BYTES);
        AtomicLong asked = new AtomicLong();
        RoomAhead.Allocator real = (file, mode, position, lengthBytes) -> {
            asked.incrementAndGet();
            return 0;
        };
        try (RoomAhead room = new RoomAhead(directory.resolve("f"), RoomAhead.whereScarce(usable::get, real))) {
            assertEquals("", room.reserve(1));
            assertEquals(0, asked.get());
            usable.decrementAndGet();
            assertEquals("", room.reserve(2 * RoomAhead.STEP_BYTES));
            assertEquals(1, asked.get());
        }
    }
}
