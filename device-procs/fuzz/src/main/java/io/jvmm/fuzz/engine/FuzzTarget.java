package io.jvmm.fuzz.engine;

import io.jvmm.ipc.trace.TraceFormatException;
import io.jvmm.ipc.trace.TraceSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Code under test that takes any bytes. One thread. */
public interface FuzzTarget {

    /**
     * One case, which leaves nothing for the next.
     *
     * @throws Exception or any error: a finding
     */
    void run(byte[] input) throws Exception;

    /** From now on the dear oracles are asked in every case, so that a finding does not hang on which input shows it. */
    default void thorough() {}

    /**
     * Where an input can be cut: the parts of which it is made, in order and all of it.
     *
     * @return lengths
     */
    default List<Integer> parts(byte[] input) {
        return input.length == 0 ? List.of() : List.of(input.length);
    }

    /** Inputs to begin with. */
    default List<byte[]> seeds() {
        return List.of();
    }

    /** Strings of bytes that mean something; by default the parts of the seeds. */
    default List<byte[]> dictionary() {
        List<byte[]> words = new ArrayList<>();
        for (byte[] seed : seeds()) {
            int at = 0;
            for (int length : parts(seed)) {
                words.add(Arrays.copyOfRange(seed, at, at + length));
                at += length;
            }
        }
        return words;
    }

    /** An input for people, line by line. */
    default List<String> describe(byte[] input) {
        return List.of(input.length + " bytes");
    }

    /** Keeps a finding in forms of the target's own, beside those every target has. */
    default void keep(byte[] input, Path directory) throws IOException {}

    /**
     * Inputs out of a recorded life.
     *
     * @param longest in bytes
     * @throws IllegalArgumentException for a target that lives none
     */
    default List<byte[]> convert(TraceSource life, int longest) throws TraceFormatException, IOException {
        throw new IllegalArgumentException("--convert is for devices");
    }
}
