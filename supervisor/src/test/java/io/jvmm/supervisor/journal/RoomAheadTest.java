package io.jvmm.supervisor.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RoomAheadTest {
    @TempDir
    Path directory;

    @Test
    void onlyADiskThatIsShortOfRoomIsAskedForIt() {
        AtomicLong usable = new AtomicLong(RoomAhead.AMPLE_BYTES);
        AtomicLong nowNs = new AtomicLong();
        List<Long> asked = new ArrayList<>();
        RoomAhead.Allocator real = (file, mode, position, lengthBytes) -> {
            asked.addAll(List.of(position, lengthBytes));
            return 0;
        };
        RoomAhead.Allocator allocator = RoomAhead.whereScarce(usable::get, nowNs::get, real);
        try (RoomAhead room = new RoomAhead(directory.resolve("f"), allocator)) {
            assertEquals("", room.reserve(100_000));
            usable.decrementAndGet();
            assertEquals("", room.reserve(100_000));
            assertEquals(List.of(), asked, "it has just been looked");
            nowNs.addAndGet(10_000_000);
            assertEquals("", room.reserve(100_000));
            assertEquals(List.of(0L, 100_000 + RoomAhead.STEP_BYTES), asked, "what was written, too: it costs nothing");
            assertEquals("", room.reserve(100_000 + RoomAhead.STEP_BYTES));
            assertEquals(2, asked.size());
            assertEquals("", room.reserve(100_001 + RoomAhead.STEP_BYTES));
            assertEquals(List.of(100_000 + RoomAhead.STEP_BYTES, RoomAhead.STEP_BYTES + 1), asked.subList(2, 4));
        }
    }
}
