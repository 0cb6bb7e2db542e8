package io.jvmm.supervisor.ctl;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** The control socket of a machine, seen from a client. Whoever answers there is believed as far as what it says is a reply. */
final class MachineSocket {
    /** Longer than any reply: a state of the greatest length in base 64. */
    private static final int LONGEST_REPLY = 4 << 20;

    private final Path socket;
    private final int timeoutSeconds;
    private final PrintStream err;

    MachineSocket(Path socket, int timeoutSeconds, PrintStream err) {
        this.socket = socket;
        this.timeoutSeconds = timeoutSeconds;
        this.err = err;
    }

    /** A reply, if it is one. */
    static JsonObject parse(String answer) throws CtlException {
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

    /** One request and its reply, as it came. */
    String ask(String request) throws CtlException {
        Thread patience = watch();
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
            throw new CtlException(CtlExit.NO_MACHINE, obstacle(e), e);
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

    private String obstacle(IOException e) {
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
    private Thread watch() {
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
