package io.jvmm.supervisor.config;

import java.util.Arrays;
import java.util.Collection;
import java.util.Optional;

/** Finds the word that a misspelt one was meant to be. */
public final class Spelling {
    private Spelling() {}

    /** The nearest of {@code words}, if it is near enough to be a slip rather than another word. */
    public static Optional<String> nearest(String typed, Collection<String> words) {
        String best = null;
        int bestDistance = 1 + Math.max(1, typed.length() / 3);
        for (String word : words) {
            int d = distance(typed.toLowerCase(java.util.Locale.ROOT).replace('-', '_'), word.replace('-', '_'));
            if (d < bestDistance) {
                bestDistance = d;
                best = word;
            }
        }
        return Optional.ofNullable(best);
    }

    /** Insertions, deletions, substitutions and swaps of neighbours that lead from a to b. */
    static int distance(String a, String b) {
        int[][] d = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            Arrays.fill(d[i], i);
        }
        for (int j = 0; j <= b.length(); j++) {
            d[0][j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            for (int j = 1; j <= b.length(); j++) {
                int cost = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
                d[i][j] = Math.min(Math.min(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + cost);
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
