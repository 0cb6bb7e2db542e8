package io.jvmm.it;

import io.jvmm.supervisor.demo.DemoGuest;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/** What every test of a whole machine needs: a directory, the guest's image, and the certainty that nothing stays behind. */
abstract class MachineTest {
    @TempDir(cleanup = CleanupMode.ON_SUCCESS)
    protected Path dir = Path.of("");

    private Leaks leaks = uninitialised();

    @SuppressWarnings("NullAway") // set before each test
    private static Leaks uninitialised() {
        return null;
    }

    @BeforeEach
    void lookBefore() throws IOException {
        requirements();
        leaks = Leaks.before();
    }

    /** Fails where the host lacks what the tests of this class need. */
    protected void requirements() {
        Host.requireKvm();
    }

    @AfterEach
    void nothingStaysBehind() throws IOException, InterruptedException {
        leaks.assertNone();
    }

    /** The monitor guest's image in the test's directory. */
    protected Path monitor() throws IOException {
        return DemoGuest.writeImage(dir);
    }

    /** The monitor guest with COM1 on standard input and output, on KVM, of which it needs no more than any has. */
    protected String monitorToml(String rest) throws IOException {
        return """
                [machine]
                memory = "64M"
                engine = "kvm"
                [boot]
                kernel = "%s"
                on_reset = "exit"
                [[serial]]
                port = 1
                backend = "terminal"
                %s
                """.formatted(monitor(), rest);
    }

    protected Machine startMonitor() throws IOException {
        return Machine.with(dir, monitorToml("")).run();
    }
}
