package io.jvmm.supervisor.cli;

import io.jvmm.supervisor.ctl.CtlMain;
import io.jvmm.supervisor.terminal.StandardOutput;
import java.io.PrintStream;
import java.util.Arrays;

/** The {@code jvmm-supervisor} command. */
public final class SupervisorMain {
    private final PrintStream out;
    private final PrintStream err;

    SupervisorMain(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    /** First word of bin/jvmmctl's: with {@code -jar} the manifest opens what Aeron needs, and the class cache holds. */
    private static final String CONTROL = "--ctl";

    public static void main(String[] args) {
        if (args.length > 0 && args[0].equals(CONTROL)) {
            CtlMain.main(Arrays.copyOfRange(args, 1, args.length));
            return;
        }
        StandardOutput standard = new StandardOutput();
        int code;
        try {
            code = new SupervisorMain(standard.stream(), System.err).run(args);
        } catch (RuntimeException | Error e) {
            // The children die with the thread that started them, the terminal's guard sees us go, the locks are the
            // kernel's.
            System.err.println(
                    "jvmm: internal error, which is a bug of jvmm's: " + e + ". Please report what follows.");
            e.printStackTrace();
            code = ExitCode.INTERNAL.status();
        }
        code = standard.end("jvmm", code, ExitCode.HOST.status());
        // Not exit(): there is no shutdown hook to run, and everything that must be undone has been.
        Runtime.getRuntime().halt(code);
    }

    /** The exit status: an {@link ExitCode}'s, or that of the command which {@code --exec} ran. */
    int run(String... args) {
        Arguments arguments;
        try {
            arguments = Arguments.parse(args);
        } catch (Arguments.UsageException e) {
            return fail(ExitCode.CONFIGURATION, String.valueOf(e.getMessage()));
        }
        return switch (arguments.action()) {
            case HELP -> answer(Help.text());
            case VERSION -> answer(Version.text() + "\n");
            case TRAIN -> new Training(err).run().status();
            case RUN, CHECK, JAIL_REPORT -> new MachineCommand(arguments, out, err).run();
        };
    }

    private int answer(String text) {
        out.print(text);
        return ExitCode.DONE.status();
    }

    private int fail(ExitCode code, String message) {
        err.println("jvmm: " + message);
        return code.status();
    }
}
