package io.jvmm.supervisor.cli;

import io.jvmm.supervisor.config.ConfigException;
import io.jvmm.supervisor.config.HostFacts;
import io.jvmm.supervisor.config.VmToml;
import io.jvmm.supervisor.demo.DemoGuest;
import io.jvmm.supervisor.lifecycle.Rehearsal;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The training run for the supervisor's AOT cache: what a user's run does, so that its classes are loaded and linked from the
 * cache next time. Where the machine that builds has no KVM or no user namespaces the last part fails and the cache is a little
 * smaller; the build goes on.
 */
final class Training {
    private static final String CONFIGURATION = """
            [machine]
            name = "trained"
            memory = "64M"
            vcpus = 1
            [boot]
            kernel = "vmlinuz"
            cmdline = "console=ttyS0"
            [[serial]]
            port = 1
            backend = "terminal"
            [platform]
            rtc = "utc"
            [jail]
            uid_range = "100000-165535"
            [ipc]
            spin_us = 20
            [lifecycle]
            ready_timeout_s = 60
            """;

    private final PrintStream err;

    Training(PrintStream err) {
        this.err = err;
    }

    ExitCode run() {
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8);
        try {
            Arguments ran = Arguments.parse("--config", "vm.toml", "--verbose");
            VmToml.read(CONFIGURATION, "vm.toml", Path.of("/"), HostFacts.read(), VmToml.Options.STANDARD);
            err.println("trained: the configuration of "
                    + ran.config().map(Path::toString).orElse("nothing"));
        } catch (Arguments.UsageException | ConfigException e) {
            err.println("the training configuration is wrong: " + e.getMessage());
            return ExitCode.INTERNAL;
        }
        err.println("trained: " + Rehearsal.run() + " replacements of a device's process");
        int status;
        try {
            if (!ControlTraining.run(nowhere)) {
                err.println("the training client was not answered");
                return ExitCode.INTERNAL;
            }
            status = jailReport(nowhere);
        } catch (Arguments.UsageException | IOException e) {
            err.println("the training machine cannot be described: " + e.getMessage());
            return ExitCode.INTERNAL;
        }
        err.println("trained: a machine up to READY, which ended with status " + status);
        return ExitCode.DONE;
    }

    /** The project's own guest: a build fetches no kernel. */
    private int jailReport(PrintStream nowhere) throws Arguments.UsageException, IOException {
        Path directory = Files.createTempDirectory("jvmm-train-");
        Path kernel = DemoGuest.writeImage(directory);
        Path toml = directory.resolve("vm.toml");
        try {
            Files.writeString(toml, "[machine]\nmemory = \"64M\"\n[boot]\nkernel = \"" + kernel + "\"\n");
            Arguments arguments = Arguments.parse("--config", toml.toString(), "--jail-report");
            return new MachineCommand(arguments.withoutProbes(), nowhere, err).run();
        } finally {
            Files.deleteIfExists(toml);
            Files.deleteIfExists(kernel);
            Files.deleteIfExists(directory);
        }
    }
}
