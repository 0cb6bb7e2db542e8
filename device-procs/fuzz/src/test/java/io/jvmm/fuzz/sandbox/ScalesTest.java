package io.jvmm.fuzz.sandbox;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The oracle of memory that grows, held against a process that leaks when it is told to. */
@Timeout(60)
class ScalesTest {

    /** Stands for a device process: each byte it reads is so many megabytes that it never gives back, and an answer. */
    static final class Leaking {
        private Leaking() {}

        public static void main(String[] args) throws IOException {
            List<Object> kept = new ArrayList<>();
            System.out.println("ready");
            for (int megabytes = System.in.read(); megabytes >= 0; megabytes = System.in.read()) {
                kept.add(Arena.global().allocate((long) megabytes << 20).fill((byte) kept.size()));
                System.out.println("kept " + kept.size());
            }
        }
    }

    @Test
    void aProcessThatLeaksIsFound() throws IOException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:+UseSerialGC",
                        "-Xmx32m",
                        "-XX:MaxDirectMemorySize=256m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Leaking.class.getName())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (OutputStream to = process.getOutputStream();
                BufferedReader from =
                        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            assertEquals("ready", from.readLine());
            leak(to, from, 1, 1); // what the JVM takes for the first of them is no leak
            Scales scales = new Scales(process.pid());
            assertEquals("", scales.weigh());
            leak(to, from, 20, 2);
            assertEquals("", scales.weigh(), "20 MB are none");
            leak(to, from, 40, 3);
            assertEquals("its memory has grown by more than 48 MB", scales.weigh());
        } finally {
            process.destroyForcibly();
        }
        process.onExit().join();
        assertEquals("", new Scales(process.pid()).weigh(), "one that is gone has nothing");
    }

    private static void leak(OutputStream to, BufferedReader from, int megabytes, int number) throws IOException {
        to.write(megabytes);
        to.flush();
        assertEquals("kept " + number, from.readLine());
    }
}
