package io.jvmm.device.block.qcow2;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Assertions;

/** qemu-img and qemu-io: what the images here are made by, and what judges ours. */
public final class Qemu {
    private Qemu() {}

    /** What a program printed, and how it ended. */
    public record Outcome(int status, String output) {}

    public static Outcome run(String... command) {
        return run(List.of(command));
    }

    private static Outcome run(List<String> command) {
        try {
            final Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getOutputStream().close();
            final String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            return new Outcome(process.waitFor(), output);
        } catch (IOException e) {
            return Assertions.fail(command.getFirst() + " is needed: apt-get install qemu-utils", e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Runs qemu-img, which must succeed. */
    public static String img(String... arguments) {
        final List<String> command = new ArrayList<>(List.of("qemu-img"));
        command.addAll(Arrays.asList(arguments));
        final Outcome outcome = run(command);
        Assertions.assertEquals(0, outcome.status(), command + ": " + outcome.output());
        return outcome.output();
    }

    /** Runs qemu-io commands on an image, all of which must succeed. */
    public static void io(Path image, String... commands) {
        final List<String> command = new ArrayList<>(List.of("qemu-io", "-f", "qcow2"));
        for (String each : commands) {
            command.add("-c");
            command.add(each);
        }
        command.add(image.toString());
        final Outcome outcome = run(command);
        Assertions.assertEquals(0, outcome.status(), command + ": " + outcome.output());
    }

    /** No corruption, and where {@code leaksToo}, no leaked cluster either. */
    public static void check(Path image, boolean leaksToo, String when) {
        final Outcome outcome = run("qemu-img", "check", "-f", "qcow2", image.toString());
        final boolean fine = outcome.status() == 0 || (!leaksToo && outcome.status() == 3);
        Assertions.assertTrue(fine, when + ": qemu-img check says " + outcome.status() + ": " + outcome.output());
    }

    /** The whole disk as qemu-img reads it. */
    public static byte[] contents(Path image, String... options) {
        final Path raw = image.resolveSibling(image.getFileName() + ".raw");
        final List<String> command = new ArrayList<>(List.of("convert", "-f", "qcow2", "-O", "raw"));
        command.addAll(Arrays.asList(options));
        command.add(image.toString());
        command.add(raw.toString());
        img(command.toArray(String[]::new));
        try {
            final byte[] bytes = Files.readAllBytes(raw);
            Files.delete(raw);
            return bytes;
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }
}
