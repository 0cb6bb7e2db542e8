package io.jvmm.fuzz.engine;

import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Inputs as files in a directory, named by what is in them, as libFuzzer does; and those that come with the module: the target's own seeds, and two files of its
 * name among the resources (what recorded lives give, and what is kept for good), one input a line in hexadecimal, with comments behind {@code #}.
 */
public final class Corpus {
    /** A longer string of bytes is no word. */
    private static final int LONGEST_WORD = 64;

    private static final int MOST_WORDS = 1000;

    private Corpus() {}

    /** All inputs that come with a target. */
    public static List<byte[]> shipped(String target, FuzzTarget made) throws IOException {
        List<byte[]> inputs = new ArrayList<>(made.seeds());
        inputs.addAll(lives(target));
        inputs.addAll(resource("corpus", target));
        return inputs;
    }

    /** Those of them that were made of a recorded life of a device under a stock Linux. */
    public static List<byte[]> lives(String target) throws IOException {
        return resource("lives", target);
    }

    private static List<byte[]> resource(String directory, String target) throws IOException {
        String name = "/io/jvmm/fuzz/" + directory + "/" + target + ".hex";
        try (InputStream in = Corpus.class.getResourceAsStream(name)) {
            return in == null ? List.of() : parse(new String(in.readAllBytes(), StandardCharsets.US_ASCII));
        }
    }

    /** Inputs as such a file has them, the shortest first. */
    public static String text(Collection<byte[]> inputs) {
        StringBuilder text = new StringBuilder();
        inputs.stream()
                .sorted(Comparator.<byte[]>comparingInt(input -> input.length).thenComparing(Arrays::compare))
                .forEach(input -> text.append(HexFormat.of().formatHex(input)).append('\n'));
        return text.toString();
    }

    /** All inputs in a directory. */
    static List<byte[]> read(Path directory) throws IOException {
        List<byte[]> inputs = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
            for (Path file : files) {
                inputs.add(Files.readAllBytes(file));
            }
        }
        return inputs;
    }

    static List<byte[]> parse(String text) {
        List<byte[]> inputs = new ArrayList<>();
        for (String line : text.lines().toList()) {
            String hex = line.replaceFirst("#.*", "").strip();
            if (!hex.isEmpty()) {
                inputs.add(HexFormat.of().parseHex(hex));
            }
        }
        return inputs;
    }

    /** Puts inputs into a directory, which is made; those that are there already stay. How many different ones they are. */
    public static int write(Path directory, Collection<byte[]> inputs) throws IOException {
        Files.createDirectories(directory);
        Set<String> names = new HashSet<>();
        for (byte[] input : inputs) {
            String name = name(input);
            names.add(name);
            Path file = directory.resolve(name);
            if (!Files.exists(file)) {
                Files.write(file, input);
            }
        }
        return names.size();
    }

    /** SHA-1, in hexadecimal. */
    public static String name(byte[] input) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-1").digest(input);
            return String.format("%040x", new BigInteger(1, digest));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-1", e);
        }
    }

    /** A dictionary in the form of libFuzzer. */
    public static String dictionary(Collection<byte[]> words) {
        Map<String, String> lines = new LinkedHashMap<>();
        for (byte[] word : words) {
            if (word.length > 1 && word.length <= LONGEST_WORD && lines.size() < MOST_WORDS) {
                StringBuilder line = new StringBuilder("\"");
                for (byte b : word) {
                    line.append("\\x").append(String.format("%02x", b & 0xFF));
                }
                lines.putIfAbsent(line.append("\"\n").toString(), "");
            }
        }
        return String.join("", lines.keySet());
    }
}
