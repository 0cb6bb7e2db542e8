package io.jvmm.it;

import java.io.IOException;
import java.nio.file.Path;

/** A copy of the distribution that a test may break. */
final class BrokenDistribution {
    private BrokenDistribution() {}

    static Path copy(Path to) throws IOException, InterruptedException {
        int status = new ProcessBuilder("cp", "-a", Distribution.home().toString(), to.toString())
                .inheritIO()
                .start()
                .waitFor();
        if (status != 0) {
            throw new IOException("cannot copy the distribution to " + to);
        }
        return to;
    }
}
