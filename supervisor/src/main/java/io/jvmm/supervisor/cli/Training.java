package io.jvmm.supervisor.cli;

import io.jvmm.supervisor.config.ConfigException;
import io.jvmm.supervisor.config.HostFacts;
import io.jvmm.supervisor.config.VmToml;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

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
        Arguments report = new Arguments(
                Arguments.Action.JAIL_REPORT,
                Optional.empty(),
                false,
                io.jvmm.supervisor.lifecycle.Console.Detail.NORMAL);
        ExitCode code = new MachineCommand(report, nowhere, err).run();
        err.println("trained: a machine up to READY, which ended with " + code);
        return ExitCode.DONE;
    }
}
