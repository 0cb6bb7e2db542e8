package io.jvmm.supervisor.config;

/**
 * One thing wrong with a configuration, as the user reads it.
 *
 * @param where {@code vm.toml:12:3}, or the file alone when there is no better place
 * @param subject the key, {@code machine.memory}; empty for the file as a whole
 * @param message what is wrong and what to do about it, in one line
 */
public record ConfigProblem(String where, String subject, String message) {
    @Override
    public String toString() {
        return where + ": " + (subject.isEmpty() ? "" : subject + ": ") + message;
    }
}
