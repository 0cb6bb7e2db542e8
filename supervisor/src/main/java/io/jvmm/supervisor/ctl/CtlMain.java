package io.jvmm.supervisor.ctl;

import com.google.gson.JsonObject;
import io.jvmm.supervisor.control.ControlVerb;
import io.jvmm.supervisor.terminal.StandardOutput;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The {@code jvmmctl} command. */
public final class CtlMain {
    private final PrintStream out;
    private final PrintStream err;

    public CtlMain(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    public static void main(String[] args) {
        StandardOutput standard = new StandardOutput();
        int status;
        try {
            status = new CtlMain(standard.stream(), System.err).run(args);
        } catch (RuntimeException e) {
            System.err.println("jvmmctl: internal error, which is a bug of jvmm's: " + e);
            e.printStackTrace();
            status = CtlExit.NO_ANSWER.status();
        }
        Runtime.getRuntime().halt(standard.end("jvmmctl", status, CtlExit.NO_OUTPUT.status()));
    }

    /** The exit status. */
    public int run(String... args) {
        try {
            CtlArguments arguments = CtlArguments.parse(args);
            if (arguments.command().isEmpty()) {
                out.print(CtlHelp.of(List.of(args)));
                return CtlExit.DONE.status();
            }
            return run(arguments, arguments.command().get()).status();
        } catch (CtlException e) {
            err.println("jvmmctl: " + CtlText.clean(String.valueOf(e.getMessage())));
            return e.exit().status();
        }
    }

    private CtlExit run(CtlArguments arguments, CtlCommand command) throws CtlException {
        if (command.verb().isEmpty()) {
            return list(arguments);
        }
        Path socket = arguments.socket().isPresent()
                ? arguments.socket().get()
                : RunningMachines.ofThisUser().find(arguments.vm()).socket();
        MachineSocket machine = new MachineSocket(socket, arguments.timeoutSeconds(), err);
        if (command == CtlCommand.DEVICE_INSPECT) {
            return new CtlInspect(machine, arguments, out).run();
        }
        if (command == CtlCommand.TOP) {
            return new CtlTop(machine, arguments, out).run();
        }
        if (command == CtlCommand.EVENTS) {
            return new CtlEvents(machine, arguments, out).run();
        }
        String answer = machine.ask(request(arguments, command));
        JsonObject reply = MachineSocket.parse(answer);
        boolean ok = reply.get("ok").getAsBoolean();
        if (arguments.json()) {
            out.println(answer);
        } else if (ok) {
            out.print(words(arguments, reply));
        } else {
            throw new CtlException(CtlExit.REFUSED, CtlText.refusal(reply));
        }
        return ok ? CtlExit.DONE : CtlExit.REFUSED;
    }

    private static String words(CtlArguments arguments, JsonObject reply) throws CtlException {
        try {
            return reply.has("links")
                    ? LinksText.of(reply.getAsJsonArray("links"), arguments.device())
                    : CtlText.of(reply);
        } catch (NullPointerException
                | ClassCastException
                | IllegalStateException
                | UnsupportedOperationException
                | NumberFormatException e) {
            throw new CtlException(
                    CtlExit.NO_ANSWER,
                    "the reply is not one that this jvmmctl knows: try that of the machine's version.",
                    e);
        }
    }

    private CtlExit list(CtlArguments arguments) throws CtlException {
        List<RunningMachines.Machine> all = RunningMachines.ofThisUser().all();
        if (arguments.json()) {
            for (RunningMachines.Machine m : all) {
                JsonObject line = new JsonObject();
                line.addProperty("vm", m.name());
                line.addProperty("pid", m.pid());
                line.addProperty("socket", m.socket().toString());
                out.println(line);
            }
            return CtlExit.DONE;
        }
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("VM", "PID", "SOCKET"));
        all.forEach(m ->
                rows.add(List.of(m.name(), Long.toString(m.pid()), m.socket().toString())));
        out.print(CtlText.table(rows));
        return CtlExit.DONE;
    }

    private static String request(CtlArguments arguments, CtlCommand command) {
        JsonObject request = new JsonObject();
        ControlVerb verb = command.verb().orElseThrow();
        request.addProperty(ControlVerb.DO, verb.word());
        arguments
                .device()
                .filter(_ -> verb.fields().contains(ControlVerb.DEVICE))
                .ifPresent(d -> request.addProperty(ControlVerb.DEVICE, d));
        Optional.ofNullable(arguments.more().get("--every"))
                .ifPresent(every -> request.addProperty(ControlVerb.EVERY, every));
        arguments.dist().ifPresent(d -> request.addProperty(ControlVerb.DIST, d.toString()));
        return request.toString();
    }
}
