package io.jvmm.supervisor.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

/** Who could not say what was asked says so. */
class StandardOutputTest {
    @Test
    void aFullDiskIsTold() throws IOException {
        try (FileOutputStream full = new FileOutputStream("/dev/full")) {
            StandardOutput standard = new StandardOutput(full);
            standard.stream().println("a line");
            assertEquals("No space left on device", standard.failure());
            assertEquals(3, standard.end("test", 0, 3));
            assertEquals(1, standard.end("test", 1, 3), "what went wrong before says more");
        }
    }

    @Test
    void whoHasEnoughIsNoFailure() {
        StandardOutput standard = new StandardOutput(new OutputStream() {
            @Override
            public void write(int one) throws IOException {
                throw new IOException("Broken pipe");
            }
        });
        standard.stream().println("a line");
        assertEquals("", standard.failure());
        assertEquals(0, standard.end("test", 0, 3));
    }

    @Test
    void everythingIsWritten() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        StandardOutput standard = new StandardOutput(out);
        standard.stream().print("\u00e4 line".repeat(5000));
        assertEquals(0, standard.end("test", 0, 3));
        assertEquals("\u00e4 line".repeat(5000), out.toString(StandardCharsets.UTF_8));
    }
}
