package io.jvmm.policy.parse;

/**
 * A place in a policy file.
 *
 * @param file file name as the reader knows it
 * @param line from 1
 * @param column from 1
 */
public record Location(String file, int line, int column) {
    @Override
    public String toString() {
        return file + ":" + line + ":" + column;
    }
}
