package io.jvmm.supervisor.ctl;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.supervisor.sys.WindowSize;
import io.jvmm.supervisor.terminal.TerminalSession;
import java.io.IOException;
import java.io.PrintStream;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * {@code jvmmctl top}: the processes as a table, drawn anew each second; {@code q} or Ctrl-C ends it. The terminal is as it was on every way out: {@link
 * TerminalSession} has a guard that outlives us, and nothing else of the terminal is changed.
 */
final class CtlTop {
    private static final long NAP_NS = TimeUnit.MILLISECONDS.toNanos(10);
    private static final int CTRL_C = 3;
    private static final String HOME = "\u001b[H";
    private static final String CLEAR = "\u001b[2J";
    private static final String END_OF_LINE = "\u001b[K\r\n";
    private static final String REST = "\u001b[J";
    private static final String REVERSE = "\u001b[7m";
    private static final String PLAIN = "\u001b[0m";

    private final MachineSocket machine;
    private final CtlArguments arguments;
    private final PrintStream out;
    private final TopTable table = new TopTable();

    CtlTop(MachineSocket machine, CtlArguments arguments, PrintStream out) {
        this.machine = machine;
        this.arguments = arguments;
        this.out = out;
    }

    CtlExit run() throws CtlException {
        boolean once = arguments.more().containsKey("--once");
        boolean lines = once || arguments.json() || arguments.more().containsKey("--batch");
        Optional<TerminalSession> terminal =
                lines || WindowSize.of(Fd.of(1)).isEmpty() ? Optional.empty() : TerminalSession.prepare(Fd.of(0));
        try (CtlStream stream = new CtlStream(machine)) {
            if (terminal.isPresent()) {
                terminal.get().enterRaw();
                out.print(CLEAR);
            }
            return terminal.isPresent() ? live(stream) : batch(stream, once);
        } finally {
            terminal.ifPresent(TerminalSession::close);
        }
    }

    /**
     * A table for each moment; two moments make the first. What another observer that died has left in the stream is read before: it is of the past. A
     * machine that tells of none is no longer waited for than one that does not answer.
     */
    private CtlExit batch(CtlStream stream, boolean once) throws CtlException {
        long heardNs = System.nanoTime();
        boolean[] whole = new boolean[1];
        while (!out.checkError()) {
            int count = stream.poll(e -> whole[0] |= table.take(e));
            if (count == 0 && whole[0] && table.samples() > 1) {
                whole[0] = false;
                if (arguments.json()) {
                    out.println(table.json());
                } else {
                    out.println(table.title(stream.lost()));
                    table.lines().forEach(out::println);
                    out.print(once ? "" : "\n");
                }
                if (once) {
                    return CtlExit.DONE;
                }
                heardNs = System.nanoTime();
            }
            if (System.nanoTime() - heardNs > TimeUnit.SECONDS.toNanos(arguments.timeoutSeconds())) {
                throw new CtlException(
                        CtlExit.NO_ANSWER,
                        "the machine has not said how its processes are for " + arguments.timeoutSeconds()
                                + " s. See what its supervisor says, or: jvmmctl status");
            }
            if (count == 0) {
                LockSupport.parkNanos(NAP_NS);
            }
        }
        return CtlExit.DONE;
    }

    private CtlExit live(CtlStream stream) throws CtlException {
        try {
            Optional<WindowSize> drawn = Optional.empty();
            while (!quits()) {
                boolean[] whole = new boolean[1];
                int count = stream.poll(e -> whole[0] |= table.take(e));
                Optional<WindowSize> size = WindowSize.of(Fd.of(1));
                if (size.isEmpty()) {
                    return CtlExit.DONE; // the terminal has vanished
                }
                if (whole[0] || !size.equals(drawn)) {
                    draw(size.get(), stream.lost());
                    drawn = size;
                }
                if (count == 0) {
                    LockSupport.parkNanos(NAP_NS);
                }
            }
            return CtlExit.DONE;
        } catch (IOException e) {
            return CtlExit.DONE; // standard input has ended
        } finally {
            out.print("\r\n");
            out.flush();
        }
    }

    private static boolean quits() throws IOException {
        while (System.in.available() > 0) {
            int key = System.in.read();
            if (key == 'q' || key == 'Q' || key == CTRL_C || key < 0) {
                return true;
            }
        }
        return false;
    }

    private void draw(WindowSize size, long lost) {
        int columns = size.columns() == 0 ? 80 : size.columns();
        int rows = size.rows() == 0 ? 24 : size.rows();
        StringBuilder screen = new StringBuilder(HOME);
        screen.append(cut(table.title(lost), columns)).append(END_OF_LINE);
        List<String> lines = TopTable.fitting(table.lines(), rows - 2);
        for (int i = 0; i < lines.size(); i++) {
            String line = cut(lines.get(i), columns);
            screen.append(i == 0 ? REVERSE + line + PLAIN : line).append(END_OF_LINE);
        }
        out.print(screen.append(REST));
        out.flush();
    }

    private static String cut(String text, int columns) {
        return text.length() <= columns ? text : text.substring(0, columns);
    }
}
