package io.jvmm.device.vsock;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The line of Firecracker's convention: its documentation (docs/vsock.md) and what its parser takes. */
class ConnectLineTest {
    private final MemorySegment bytes = Arena.ofAuto().allocate(100);

    private long parse(String line) {
        byte[] ascii = line.getBytes(StandardCharsets.ISO_8859_1);
        MemorySegment.copy(ascii, 0, bytes, ValueLayout.JAVA_BYTE, 7, ascii.length);
        return ConnectLine.parse(bytes, 7, ascii.length);
    }

    @ParameterizedTest
    @CsvSource({
        "'CONNECT 52\n', 52",
        "'CONNECT 0\n', 0",
        "'connect 1024\n', 1024",
        "'Connect  1024 \n', 1024",
        "'CONNECT 52\r\n', 52",
        "'  CONNECT\t52 please\n', 52",
        "'CONNECT 4294967295\n', 4294967295"
    })
    void whatFirecrackerTakes(String line, long port) {
        assertEquals(port, parse(line));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "CONNECT\n",
                "CONNECT \n",
                "CONNECT52\n",
                "CONNECTS 52\n",
                "CONNEC 52\n",
                "GET / HTTP/1.1\n",
                "CONNECT x\n",
                "CONNECT -1\n",
                "CONNECT 5x\n",
                "CONNECT 4294967296\n",
                "CONNECT 18446744073709551668\n",
                "\n",
                "",
                "\u00ef\u00ff\u0000\u0001 52\n"
            })
    void whatItDoesNotTake(String line) {
        assertEquals(ConnectLine.INVALID, parse(line));
    }

    @Test
    void theAnswer() {
        for (int port : new int[] {0, 9, 10, 1 << 30, Integer.MAX_VALUE}) {
            int length = ConnectLine.formatOk(bytes, port);
            byte[] text = bytes.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE);
            assertEquals("OK " + port + "\n", new String(text, StandardCharsets.US_ASCII));
        }
    }
}
