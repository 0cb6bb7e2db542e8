package io.jvmm.device.api;

import io.jvmm.device.api.trace.CoreReplay;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.state.StatePrinter;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.trace.LifeText;
import io.jvmm.ipc.trace.ReplayStop;
import io.jvmm.ipc.trace.TraceBuffer;
import io.jvmm.ipc.trace.TraceFileReader;
import io.jvmm.ipc.trace.TraceFormatException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/** The command line of a device that lives a recorded life again. */
final class ReplayMain {
    private static final String USAGE = """
            usage: java -jar NAME.jar --replay FILE.jtrace [--until N] [--break-on FIELD] [--state PREFIX] [--jail=off|log|enforce]

              --replay FILE     live the life in FILE again: no guest, no host; what the device does is compared with
                                what it did, and its state with the check points
              --until N         stop behind transaction N
              --break-on FIELD  stop behind the first transaction that changes this field of the state: 'port[0].LCR'
              --state PREFIX    at the end, print the fields of the state that begin so; '' prints all
              --jail=MODE       off (default); enforce: under the narrow filter of NAME.policy; log: the same, but what it
                                forbids is only logged by the kernel

            Exit codes: 0 the same life, 1 a difference, told with the number of the record, 2 a wrong command or no trace.
            """;

    private static final Pattern STEP = Pattern.compile("([^.\\[\\]]+)((?:\\[\\d+])*)");
    private static final Pattern INDEX = Pattern.compile("\\[(\\d+)]");

    private final DeviceFactory factory;
    private final PrintStream out;
    private @Nullable Path file;
    private long until = Long.MAX_VALUE;
    private @Nullable String breakOn;
    private @Nullable String shown;
    private String jail = "off";

    private ReplayMain(DeviceFactory factory, PrintStream out) {
        this.factory = factory;
        this.out = out;
    }

    static ProcessExit run(String[] args, DeviceFactory factory, PrintStream out) throws IOException {
        ReplayMain main = new ReplayMain(factory, out);
        if (List.of(args).contains("--help")) {
            out.print(USAGE.replace("NAME", factory.name()));
            return ProcessExit.STOPPED;
        }
        main.options(args);
        try {
            return main.replay();
        } catch (TraceFormatException e) {
            throw wrong(main.file + ": " + e.getMessage());
        } catch (FileNotFoundException e) {
            throw wrong(String.valueOf(e.getMessage())); // names the file, and why not
        }
    }

    private void options(String[] args) {
        for (int i = 0; i < args.length; i++) {
            String arg = args[i];
            boolean last = i + 1 == args.length;
            if (arg.startsWith("--jail=")) {
                jail = arg.substring("--jail=".length());
            } else if (arg.equals("--replay") && !last) {
                file = Path.of(args[++i]);
            } else if (arg.equals("--until") && !last) {
                until = number(args[++i]);
            } else if (arg.equals("--break-on") && !last) {
                breakOn = args[++i];
            } else if (arg.equals("--state") && !last) {
                shown = args[++i];
            } else {
                throw wrong("'" + arg + "' is not an option, or lacks its value; see --replay --help");
            }
        }
        AloneJail.check(jail);
    }

    private static long number(String text) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw wrong("--until " + text + ": a number of a transaction is needed");
        }
    }

    private static StageException wrong(String message) {
        return new StageException(ProcessExit.BAD_CONFIGURATION, message);
    }

    private ProcessExit replay() throws IOException, TraceFormatException {
        Path path = file;
        if (path == null) {
            throw wrong("--replay FILE is missing; see --replay --help");
        }
        if (!jail.equals("off")) {
            rehearse();
        }
        Watch watch = new Watch();
        // Neither is closed: behind the filter there is no such call, and the process ends.
        TraceFileReader source = new TraceFileReader(path);
        CoreReplay replay = new CoreReplay(factory, source, watch);
        watch.field = breakOn == null ? null : field(replay.identity().stateLayout(), breakOn);
        tellLife(replay.life());
        replay.prepare();
        AloneJail.close(factory, jail);
        CoreReplay.Result result = replay.run();
        tell(result, watch, replay, source.torn());
        ReplayStop stop = result.stop();
        if (stop != null && stop.why() == ReplayStop.Why.DAMAGED) {
            return ProcessExit.BAD_CONFIGURATION;
        }
        return result.same() ? ProcessExit.STOPPED : ProcessExit.EXPECTATION_FAILED;
    }

    private void tellLife(LifeText life) {
        StringBuilder text =
                new StringBuilder("life of ").append(factory.name()).append(':');
        for (String key : List.of(LifeText.PROGRAM, LifeText.FRESH, LifeText.STATE_BYTES, LifeText.MEMORY_BYTES)) {
            life.find(key)
                    .ifPresent(value -> text.append(' ').append(key).append('=').append(value));
        }
        out.println(text);
        out.flush();
    }

    private void tell(CoreReplay.Result result, Watch watch, CoreReplay replay, boolean torn) {
        out.println("records " + result.records() + ", last transaction " + result.transaction());
        out.println("state   " + hex(result.stateHash()) + " behind it");
        out.println("outputs " + hex(result.outputHash()) + " of " + result.outputs());
        if (!watch.told.isEmpty()) {
            out.println(watch.told);
        }
        if (shown != null) {
            StatePrinter.print(replay.identity().stateLayout(), replay.state(), shown, out::println);
        }
        ReplayStop stop = result.stop();
        if (stop != null && !result.same()) {
            out.println((stop.why() == ReplayStop.Why.DAMAGED ? "damaged" : "different") + " at record " + stop.record()
                    + ", in transaction " + (result.transaction() + 1) + ": " + stop.getMessage());
        } else {
            out.println("same; the recorded life " + (torn ? "has a torn tail" : result.end()));
        }
        out.flush();
    }

    private static String hex(int hash) {
        return "crc32c:" + Integer.toHexString(hash | 0).formatted();
    }

    /** Where a field of that name is. */
    private static Field field(MemoryLayout layout, String name) {
        List<PathElement> path = new ArrayList<>();
        for (String step : name.split("\\.", -1)) {
            Matcher parts = STEP.matcher(step);
            if (!parts.matches()) {
                throw wrong("--break-on " + name + ": a field is called like port[0].LCR");
            }
            path.add(PathElement.groupElement(parts.group(1)));
            Matcher index = INDEX.matcher(parts.group(2));
            while (index.find()) {
                path.add(PathElement.sequenceElement(Long.parseLong(index.group(1))));
            }
        }
        try {
            PathElement[] elements = path.toArray(new PathElement[0]);
            int offset = Math.toIntExact(layout.byteOffset(elements));
            return new Field(offset, Math.toIntExact(layout.select(elements).byteSize()));
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            throw wrong("--break-on " + name + ": the state has no such field; --state '' prints all");
        }
    }

    private record Field(int offset, int lengthBytes) {
        String value(UnsafeBuffer state) {
            StringBuilder text = new StringBuilder();
            for (int i = lengthBytes - 1; i >= 0; i--) {
                int value = state.getByte(offset + i) & 0xFF;
                text.append(Character.forDigit(value >> 4, 16)).append(Character.forDigit(value & 0xF, 16));
            }
            return "0x" + text;
        }
    }

    /** Where to stop. */
    private final class Watch implements CoreReplay.Watcher {
        private @Nullable Field field;
        private String value = "";
        private String told = "";

        @Override
        public boolean committed(long transaction, UnsafeBuffer state) {
            Field watched = field;
            if (watched != null) {
                String now = watched.value(state);
                if (!value.isEmpty() && !now.equals(value)) {
                    told = breakOn + " was " + value + " and is " + now + " behind transaction " + transaction;
                    return false;
                }
                value = now;
            }
            return transaction < until;
        }
    }

    /** Everything is loaded and done once: a life is recorded and lived again, as it was and with a difference. */
    private void rehearse() throws IOException, TraceFormatException {
        for (Class<?> anchor : List.of(factory.getClass(), ReplayMain.class, SysException.class)) {
            ClassPreloader.loadAllBeside(anchor);
        }
        TraceBuffer trace = new TraceBuffer();
        WarmUp.record(factory, trace);
        PrintStream nowhere = new PrintStream(PrintStream.nullOutputStream());
        ReplayMain quiet = new ReplayMain(factory, nowhere);
        quiet.shown = "";
        for (int cut : new int[] {0, 1}) {
            if (cut == 1) {
                trace.batches().get(trace.batches().size() / 2)[8] ^= 1;
            }
            Watch watch = quiet.new Watch();
            try (CoreReplay replay = new CoreReplay(factory, trace.source(), watch)) {
                quiet.tellLife(replay.life());
                quiet.tell(replay.run(), watch, replay, false);
            }
        }
    }
}
