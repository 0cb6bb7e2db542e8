package io.jvmm.device.block;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.InspectedState;
import io.jvmm.device.block.image.ImageSource;
import io.jvmm.device.virtio.VirtioProcess;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Entries of a disk: what is missing has a sensible value, what is wrong is named. */
class BlockConfigTest {

    private static BlockConfig of(String... entry) {
        Map<String, String> entries = entry.length == 0 ? Map.of() : Map.of(entry[0], entry[1]);
        return BlockConfig.of(key -> Optional.ofNullable(entries.get(key)));
    }

    @Test
    void nothingIsNeeded() {
        BlockConfig config = of();
        assertEquals(ImageSource.Format.RAW, config.format());
        assertEquals(BlockConfig.Cache.WRITEBACK, config.cache());
        assertEquals(1, config.queues());
        assertEquals(128, config.queueSize());
        assertEquals(512, config.blockBytes());
    }

    @Test
    void whatIsWrongIsNamed() {
        String[][] wrong = {
            {"format", "vmdk"},
            {"cache", "none"},
            {"read-only", "yes"},
            {"queues", "0"},
            {"queues", "17"},
            {"queue-size", "2"},
            {"queue-size", "100"},
            {"queue-size", "2048"},
            {"serial", "123456789012345678901"},
            {"serial", "tab\t"},
            {"discard", "1"},
            {"block-size", "1024"},
            {"io-threads", "0"},
            {"io-threads", "many"},
        };
        for (String[] entry : wrong) {
            IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> of(entry), entry[0]);
            assertTrue(String.valueOf(e.getMessage()).startsWith(entry[0] + ":"), e.getMessage());
        }
    }

    /** With the words of the specification, whatever its state holds. */
    @Test
    void itsStateIsReadByNames() throws IOException {
        InspectedState.check(
                new VirtioProcess(new BlockFactory()),
                "function0.device.writeback = 1 yes",
                "function0.queue1.queue_size = 16");
    }
}
