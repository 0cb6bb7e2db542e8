package io.jvmm.device.api;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The host's side of a device that runs alone, for devices whose host is more than characters: their own back ends on scratch descriptors
 * (a small disk, a cable whose ends are joined, a peer of a socket), or on files that the user has named. They run in real time, threads and all;
 * after each command they are given the chance to finish what the device has asked of them.
 */
final class ScriptHost implements AutoCloseable {
    /** Back ends with traffic of their own may never come to rest. */
    private static final long PATIENCE_NS = 500_000_000L;
    /** For what is under way at the host, on a medium or with a thread that gets no processor. */
    private static final long LONGEST_NS = 20_000_000_000L;

    private static final long LOOK_NS = 1_000_000L;
    /** So often nothing must happen before it is believed that nothing will. */
    private static final int QUIET_LOOKS = 3;

    private final DeviceFactory factory;
    private final DeviceConfig config;
    private static final Pattern INPUT = Pattern.compile("0\\.([0-9])\\.in");

    private final Map<String, Fd> descriptors;
    /** Of function 0, by port; null: a file of the user's. */
    private final List<@Nullable ScriptLine> lines = new ArrayList<>();

    private BackendSet backends = new BackendSet(new Backend[0]);
    private Backend[] made = new Backend[0];
    private Poller poller = new Poller(1);
    private boolean jailed;

    /**
     * What the device will be joined to.
     *
     * @param opened by the user, in the place of scratch descriptors
     */
    ScriptHost(DeviceFactory factory, DeviceConfig config, Map<String, Fd> opened) {
        this.factory = factory;
        this.config = config;
        this.descriptors = new LinkedHashMap<>(
                factory.identity(config).hostPorts() == 0 ? factory.scratchDescriptors() : Map.of());
        makeLines(opened.keySet());
        descriptors.putAll(opened);
    }

    /** In the place of scratch descriptors {@code 0.PORT.in} and {@code 0.PORT.out}, unless the user has something else for one of them. */
    private void makeLines(Set<String> opened) {
        for (String input : new TreeSet<>(descriptors.keySet())) {
            Matcher m = INPUT.matcher(input);
            String output = input.replaceFirst("in$", "out");
            if (!m.matches() || !descriptors.containsKey(output)) {
                continue;
            }
            ScriptLine line = opened.contains(input) || opened.contains(output) ? null : new ScriptLine();
            if (line != null) {
                descriptors.put(input, line.in());
                descriptors.put(output, line.out());
            }
            lines.add(line);
        }
    }

    /** How many ports somebody sits at whose other end is a back end's. */
    int lines() {
        return lines.size();
    }

    /** One of them; null where the user has put a file. */
    @Nullable
    ScriptLine line(int port) {
        return lines.get(port);
    }

    /** Whether the device has such a side. */
    boolean exists() {
        return !descriptors.isEmpty();
    }

    /** From now on nothing new can be made. */
    void jailed() {
        jailed = true;
    }

    /** Whether a core of a killed device could not be joined to it again. */
    boolean isJailed() {
        return jailed && exists();
    }

    /** Joins a core to it: a new one, or one that has adopted the state of one that is gone. It gets duplicates of the descriptors. */
    void attach(DeviceCore core, HostEvents events, long nowNs) {
        close();
        made = factory.backends(
                        config,
                        name -> Optional.ofNullable(descriptors.get(name)).map(Fd::duplicate),
                        core,
                        events)
                .toArray(new Backend[0]);
        backends = new BackendSet(made);
        poller = new Poller(Math.max(1, backends.maxDescriptors()));
        backends.attach(poller, nowNs);
    }

    /**
     * Lets the back ends do what they have to, until nothing more comes of it: for half a second at most, and up to 20 s longer for
     * what is under way at the host.
     *
     * @param afterwards is run whenever they may have called into the core
     */
    void settle(long nowNs, Runnable afterwards) {
        if (made.length == 0) {
            return;
        }
        long beginNs = Clock.monotonicNs();
        long endNs = beginNs + PATIENCE_NS;
        for (int quiet = 0; quiet < QUIET_LOOKS && Clock.monotonicNs() < endNs; ) {
            backends.watch(poller, true);
            boolean waits = !backends.settled() && !backends.hasWork();
            if (waits) {
                endNs = Math.min(Clock.monotonicNs(), beginNs + LONGEST_NS) + PATIENCE_NS;
            }
            // What is ready may give the core work without being told here that it did.
            boolean changed = poller.await(waits ? LOOK_NS : 0) > 0;
            changed |= backends.service(poller, nowNs);
            changed |= backends.flush(nowNs);
            changed |= backends.deliver(nowNs);
            if (changed) {
                afterwards.run();
                backends.committed();
            }
            quiet = changed || waits ? 0 : quiet + 1;
        }
    }

    /** Ends the threads of the back ends; behind the filter they end with the process. */
    @Override
    public void close() {
        if (jailed) {
            return;
        }
        for (Backend backend : made) {
            backend.close();
        }
        made = new Backend[0];
        backends = new BackendSet(made);
    }
}
