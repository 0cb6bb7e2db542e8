package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.MemFd;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Guest memory by hand, as the device sees it and as it lies there. */
class ScriptMemoryTest {
    private static final int LENGTH_BYTES = 1 << 16;

    private final MemFd fd = MemFd.createSealed("script-memory", LENGTH_BYTES);
    private final GuestMemory memory = GuestMemory.map(fd.fd(), LENGTH_BYTES);
    private final ScriptMemory script = new ScriptMemory(memory);
    /** What a device is given. */
    private final GuestMemory seen = memory.tapped(script);

    @AfterEach
    void close() {
        memory.close();
        fd.close();
    }

    @Test
    void whatTogglesIsAnotherAtEachRead() throws ScriptException {
        script.write(0x100, new byte[] {9, 9, 9, 9, 9, 9, 9, 9});
        script.toggle(0x102, new byte[] {1, 0}, new byte[] {(byte) 0xFF, (byte) 0xFF});
        assertEquals((short) 1, seen.get16(0x102, (short) 0));
        assertEquals((short) 0xFFFF, seen.get16(0x102, (short) 0));
        assertEquals(0x0001_0909, seen.get32(0x100, 0), "a wider read that has it within is a read of it");
        assertEquals((byte) 0xFF, seen.get8(0x103, (byte) 0), "so is a narrower one");
        assertEquals((byte) 9, seen.get8(0x104, (byte) 0), "what lies beside is as it was");
        assertArrayEquals(new byte[] {1, 0}, script.read(0x102, 2), "to the user it is what was written first");
        script.write(0x103, new byte[] {5});
        assertEquals((short) 0x0501, seen.get16(0x102, (short) 0));
        assertEquals((short) 0x0501, seen.get16(0x102, (short) 0), "a write ends it");
    }

    @Test
    void rowsAreShownAsOneKnowsThem() throws ScriptException {
        script.write(0x200, "hello, guest memory\\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
        List<String> lines = new ArrayList<>();
        script.show(0x200, 20, lines::add);
        assertEquals(
                List.of(
                        "000200  68 65 6c 6c 6f 2c 20 67  75 65 73 74 20 6d 65 6d hello, guest mem",
                        "000210  6f 72 79 5c                                      ory\\"),
                lines);
    }

    @Test
    void whatIsNotThereIsSaid() {
        for (long address : new long[] {LENGTH_BYTES, LENGTH_BYTES - 1, -1}) {
            ScriptException e = assertThrows(ScriptException.class, () -> script.read(address, 2));
            assertTrue(
                    String.valueOf(e.getMessage()).contains("there is no such memory: it has 10000 bytes from 0 on"),
                    e.getMessage());
        }
        assertThrows(ScriptException.class, () -> script.read(0, 0));
        assertThrows(ScriptException.class, () -> script.toggle(0, new byte[1], new byte[2]));
    }
}
