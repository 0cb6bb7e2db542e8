package io.jvmm.supervisor.cli;

import io.jvmm.supervisor.config.ConfigKey;

/** The text of {@code --help}: enough to write a first configuration without another document. */
final class Help {
    private static final String BEFORE = """
            Runs a virtual machine: a vCPU process and one jailed JVM for each class of device.

            Examples
              jvmm-supervisor --demo                       a first look: a stock kernel and a shell
              jvmm-supervisor --exec 'uname -a'            one command in that guest; ends with its status
              jvmm-supervisor --config vm.toml             run the machine that vm.toml describes
              jvmm-supervisor --config vm.toml --check     what would run, and whether it can
              kill -TERM PID                               press the machine's power button

            A small vm.toml
              [machine]
              memory = "512M"

              [boot]
              kernel = "vmlinuz"
              cmdline = "console=ttyS0"

            Options
            """;

    private static final String SIGNALS = """

            Signals
              SIGTERM, SIGINT, SIGHUP   the power button; after power_button_timeout_s the machine is killed
              a second SIGINT           the machine is killed at once
              On a terminal Ctrl-C goes to the guest, and Ctrl-A x ends the machine.
              The guest of --exec hears no button: it is killed at once.
            """;

    private Help() {}

    static String text() {
        StringBuilder s = new StringBuilder("Usage: jvmm-supervisor --config FILE [options]\n\n").append(BEFORE);
        for (CliOption option : CliOption.told()) {
            s.append(String.format("  %-22s%s%n", option.synopsis(), option.meaning()));
        }
        s.append("\nKeys of the configuration (TOML; paths are relative to the file; unknown keys are errors)\n");
        for (ConfigKey.Section section : ConfigKey.Section.values()) {
            s.append("  ").append(section.header()).append('\n');
            for (ConfigKey key : section.keys()) {
                s.append(String.format("    %-24s%-18s%s%n", key.key(), key.standard(), key.meaning()));
            }
        }
        s.append(SIGNALS).append("\nExit status\n");
        for (ExitCode code : ExitCode.values()) {
            s.append(String.format("  %d  %s%n", code.status(), code.meaning()));
        }
        return s.toString();
    }
}
