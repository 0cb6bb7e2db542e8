package io.jvmm.fuzz.engine;

import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Inputs as files in a directory, named by what is in them, as libFuzzer does; and those that come with the module: the target's own seeds, and a file of its
 * name among the resources, one input a line in hexadecimal, with comments behind {@code #}.
 */
public final class Corpus {
    /** A longer string of bytes is no word. */
    private static final int LONGEST_WORD = 64;

    private static final int MOST_WORDS = 1000;

    private Corpus() {}

    /** All inputs that come with a target. */
    public static List<byte[]> shipped(String target, FuzzTarget made) throws IOException {
        List<byte[]> inputs = new ArrayList<>(made.seeds());
        try (InputStream in = resource(target)) {
            if (in != null) {
                inputs.addAll(parse(new String(in.readAllBytes(), StandardCharsets.US_ASCII)));
            }
        }
        return inputs;
    }

    private static @Nullable InputStream resource(String target) {
        return Corpus.class.getResourceAsStream("/io/jvmm/fuzz/corpus/" + target + ".hex");
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

    /** Puts inputs into a directory, which is made; those that are there already stay. */
    public static void write(Path directory, Collection<byte[]> inputs) throws IOException {
        Files.createDirectories(directory);
        for (byte[] input : inputs) {
            Path file = directory.resolve(name(input));
            if (!Files.exists(file)) {
                Files.write(file, input);
            }
        }
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
