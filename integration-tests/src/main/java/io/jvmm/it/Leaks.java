package io.jvmm.it;

import io.jvmm.ipc.sys.Syscall;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Tells whether a machine has left anything behind. This process becomes the reaper of its orphaned descendants
 * (prctl(2), PR_SET_CHILD_SUBREAPER): whatever outlives its supervisor becomes our child, so nothing can hide, and nobody
 * else's processes are mistaken for ours.
 */
public final class Leaks {
    private static final long PRCTL = 157;
    private static final long PR_SET_CHILD_SUBREAPER = 36;
    private static final long WAIT_MILLIS = 10_000;
    private static final long STEP_MILLIS = 20;

    private final Set<String> mounts;
    private final Set<String> links;
    private final Set<Long> processes;

    private Leaks() throws IOException {
        Syscall.check("become the reaper of orphans", Syscall.call(PRCTL, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
        mounts = mounts();
        links = networkInterfaces();
        processes = new TreeSet<>(descendants());
    }

    /** What there is before the test. */
    public static Leaks before() throws IOException {
        return new Leaks();
    }

    /** Fails if there is more than before; waits a little for what is just dying. */
    public void assertNone() throws IOException, InterruptedException {
        long deadline = System.nanoTime() + WAIT_MILLIS * 1_000_000;
        List<String> found = found();
        while (!found.isEmpty() && System.nanoTime() - deadline < 0) {
            Transcript.pause(STEP_MILLIS);
            found = found();
        }
        if (!found.isEmpty()) {
            throw new AssertionError("left behind:\n" + String.join("\n", found));
        }
    }

    private List<String> found() throws IOException {
        List<String> found = new ArrayList<>();
        for (long pid : descendants()) {
            if (!processes.contains(pid) && LinuxProcess.alive(pid)) {
                found.add("process " + pid + ": " + LinuxProcess.commandLine(pid));
            }
        }
        for (String mount : mounts()) {
            if (!mounts.contains(mount)) {
                found.add("mount " + mount);
            }
        }
        for (String link : networkInterfaces()) {
            if (!links.contains(link)) {
                found.add("network interface " + link);
            }
        }
        return found;
    }

    private static List<Long> descendants() {
        return ProcessHandle.current().descendants().map(ProcessHandle::pid).toList();
    }

    private static Set<String> mounts() throws IOException {
        Set<String> result = new TreeSet<>();
        for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
            result.add(line.split(" ", 6)[4]);
        }
        return result;
    }

    private static Set<String> networkInterfaces() throws IOException {
        Set<String> result = new TreeSet<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/sys/class/net"))) {
            all.forEach(p -> result.add(String.valueOf(p.getFileName())));
        }
        return result;
    }
}
