package io.jvmm.supervisor.ctl;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import io.jvmm.supervisor.control.ControlVerb;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** The {@code jvmmctl} command. */
public final class CtlMain {
    /** Far longer than any reply. */
    private static final int LONGEST_REPLY = 1 << 20;

    private final PrintStream out;
    private final PrintStream err;

    public CtlMain(PrintStream out, PrintStream err) {
        this.out = out;
        this.err = err;
    }

    public static void main(String[] args) {
        int status;
        try {
            status = new CtlMain(System.out, System.err).run(args);
        } catch (RuntimeException e) {
            System.err.println("jvmmctl: internal error, which is a bug of jvmm's: " + e);
            e.printStackTrace();
            status = CtlExit.NO_ANSWER.status();
        }
        System.out.flush();
        System.err.flush();
        Runtime.getRuntime().halt(status);
    }

    /** The exit status. */
    public int run(String... args) {
        try {
            CtlArguments arguments = CtlArguments.parse(args);
            if (arguments.command().isEmpty()) {
                out.print(CtlHelp.text());
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
        String answer = ask(socket, request(arguments, command.verb().get()), arguments.timeoutSeconds());
        JsonObject reply = parse(answer);
        boolean ok = reply.get("ok").getAsBoolean();
        if (arguments.json()) {
            out.println(answer);
        } else if (ok) {
            out.print(words(reply));
        } else {
            String field = reply.has("field") ? reply.get("field").getAsString() + ": " : "";
            err.println("jvmmctl: " + CtlText.clean(field + reply.get("error").getAsString()));
        }
        return ok ? CtlExit.DONE : CtlExit.REFUSED;
    }

    private static String words(JsonObject reply) throws CtlException {
        try {
            return CtlText.of(reply);
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

    private static String request(CtlArguments arguments, ControlVerb verb) {
        JsonObject request = new JsonObject();
        request.addProperty(ControlVerb.DO, verb.word());
        arguments.device().ifPresent(d -> request.addProperty(ControlVerb.DEVICE, d));
        arguments.dist().ifPresent(d -> request.addProperty(ControlVerb.DIST, d.toString()));
        return request.toString();
    }

    private static JsonObject parse(String answer) throws CtlException {
        try {
            JsonElement element = JsonParser.parseString(answer);
            if (element.isJsonObject() && isReply(element.getAsJsonObject())) {
                return element.getAsJsonObject();
            }
        } catch (JsonParseException e) {
            throw new CtlException(CtlExit.NO_ANSWER, "what answers there is no supervisor of jvmm's.", e);
        }
        throw new CtlException(CtlExit.NO_ANSWER, "what answers there is no supervisor of jvmm's.");
    }

    private static boolean isReply(JsonObject o) {
        boolean field = !o.has("field") || isText(o.get("field"));
        return o.get("ok") instanceof JsonPrimitive ok
                && ok.isBoolean()
                && (ok.getAsBoolean() || (field && isText(o.get("error"))));
    }

    private static boolean isText(@Nullable JsonElement element) {
        return element instanceof JsonPrimitive p && p.isString();
    }

    private String ask(Path socket, String request, int timeoutSeconds) throws CtlException {
        Thread patience = watch(timeoutSeconds);
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            ByteBuffer line = ByteBuffer.wrap((request + "\n").getBytes(StandardCharsets.UTF_8));
            while (line.hasRemaining()) {
                channel.write(line);
            }
            return answer(channel)
                    .orElseThrow(() -> new CtlException(
                            CtlExit.NO_ANSWER,
                            "the machine has gone without an answer. See what its supervisor says, or: jvmmctl list"));
        } catch (IOException e) {
            throw new CtlException(CtlExit.NO_MACHINE, obstacle(socket, e), e);
        } finally {
            patience.interrupt();
        }
    }

    private static Optional<String> answer(SocketChannel channel) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ByteBuffer chunk = ByteBuffer.allocate(8192);
        while (bytes.size() < LONGEST_REPLY && channel.read(chunk) >= 0) {
            bytes.write(chunk.array(), 0, chunk.position());
            boolean whole = chunk.position() > 0 && chunk.get(chunk.position() - 1) == '\n';
            chunk.clear();
            if (whole) {
                return Optional.of(bytes.toString(StandardCharsets.UTF_8).strip());
            }
        }
        return Optional.empty();
    }

    private static String obstacle(Path socket, IOException e) {
        String why = String.valueOf(e.getMessage());
        if (!Files.exists(socket)) {
            return "there is no " + socket + ". Is the machine running? See: jvmmctl list";
        }
        if (!isSocket(socket)) {
            return socket + " is no socket. Name what [control] socket names; see: jvmmctl list";
        }
        if (why.contains("refused")) {
            return "nobody listens on " + socket + " any more: its supervisor is dead.";
        }
        return why.contains("denied") || why.contains("permitted")
                ? socket + " belongs to another user. Ask as that user: sudo -u \"#$(stat -c %u " + socket
                        + ")\" jvmmctl ..."
                : socket + " cannot be reached: " + why + ".";
    }

    private static boolean isSocket(Path path) {
        try {
            return ((Integer) Files.getAttribute(path, "unix:mode") & 0170000) == 0140000;
        } catch (IOException e) {
            return true; // whatever it is, the first obstacle says more
        }
    }

    /** A supervisor that is stopped, as by Ctrl-Z, takes connections and never answers. Ends the program, unless it is interrupted. */
    private Thread watch(int timeoutSeconds) {
        return Thread.ofPlatform().daemon().name("jvmmctl-timeout").start(() -> {
            long endNs = System.nanoTime() + TimeUnit.SECONDS.toNanos(timeoutSeconds);
            while (System.nanoTime() - endNs < 0) {
                LockSupport.parkNanos(endNs - System.nanoTime());
                if (Thread.currentThread().isInterrupted()) {
                    return;
                }
            }
            err.println("jvmmctl: no answer within " + timeoutSeconds
                    + " s. Is the supervisor stopped (ps -o stat= -p PID says T)? More patience: --timeout SECONDS");
            err.flush();
            Runtime.getRuntime().halt(CtlExit.NO_ANSWER.status());
        });
    }
}
