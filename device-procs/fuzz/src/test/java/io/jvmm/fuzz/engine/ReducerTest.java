package io.jvmm.fuzz.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.TestSeed;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What is left of an input is what the finding needs. */
class ReducerTest {
    private static final long BUDGET_NS = 10_000_000_000L;

    /** Pairs of bytes; fails when 7,x comes before 9,1. */
    private static final class Toy implements FuzzTarget {
        @Override
        public void run(byte[] input) {
            boolean seven = false;
            for (int at = 0; at + 1 < input.length; at += 2) {
                seven |= input[at] == 7;
                if (seven && input[at] == 9 && input[at + 1] == 1) {
                    throw new IllegalStateException("at " + at);
                }
                if (input[at] == 100) {
                    throw new IllegalArgumentException("another thing");
                }
            }
        }

        @Override
        public List<Integer> parts(byte[] input) {
            List<Integer> parts = new ArrayList<>();
            for (int at = 0; at < input.length; at += 2) {
                parts.add(Math.min(2, input.length - at));
            }
            return parts;
        }
    }

    @Test
    void twoPairsAreLeft() {
        Random random = new Random(TestSeed.next());
        byte[] input = new byte[200];
        for (int i = 0; i < input.length; i++) {
            input[i] = (byte) (20 + random.nextInt(50));
        }
        input[60] = 7;
        input[140] = 9;
        input[141] = 1;
        Toy toy = new Toy();
        Throwable found = Objects.requireNonNull(Signature.findingOf(toy, input));
        Reducer reducer = new Reducer(toy, Signature.of(found), BUDGET_NS);
        assertArrayEquals(new byte[] {7, 0, 9, 1}, reducer.reduce(input));
    }

    @Test
    void aSignatureHasNoNumbers() {
        assertEquals(
                Signature.of(new IllegalStateException("at 12 of 0xfe")).message(),
                Signature.of(new IllegalStateException("at 3 of 0x1")).message());
    }

    @Test
    void wordsOfADictionaryAreEscaped() {
        assertEquals(
                "\"\\x00\\xff\"\n", Corpus.dictionary(List.of(new byte[] {0, -1}, new byte[] {1}, new byte[] {0, -1})));
        assertArrayEquals(
                new byte[] {1, (byte) 0xAB},
                Corpus.parse("# seeds\n01ab  # two bytes\n\n").getFirst());
    }
}
