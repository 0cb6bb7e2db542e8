package io.jvmm.supervisor.launch;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.SystemInfo;
import io.jvmm.supervisor.config.Quoted;
import io.jvmm.supervisor.config.UidRange;
import io.jvmm.supervisor.journal.JournalDirectory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What lies in a journal directory, one descriptor after the other and no path twice, so that nobody who may write somewhere above it leads root out of
 * it: that there is nothing in it but what a journal has, and that whoever could have put it there may. No link is followed. Any thread; no recorder
 * may be at work in it when it is given away.
 */
final class JournalTree implements AutoCloseable {
    /** What can be shown as it is. */
    private static final Pattern PLAIN = Pattern.compile("[\\w./-]{1,60}");

    private static final int OTHERS_WRITE = 0022;
    /** Of a directory that is everybody's, as /tmp. */
    private static final int STICKY = 01000;

    private static final int KIND = 0170000;
    private static final int DIRECTORY = 0040000;
    private static final int REGULAR = 0100000;
    private static final int LINK = 0120000;

    private final Path name;
    private final Fd top;
    private final UidRange recorders;
    /** Something has been seen that only a journal has, or there is nothing. */
    private boolean proven;

    /** What the kernel says of one file. */
    private record Facts(int uid, int mode, int links) {
        static Facts of(Fd fd) throws IOException {
            Map<String, Object> all = Files.readAttributes(itself(fd), "unix:uid,mode,nlink");
            return new Facts(number(all, "uid"), number(all, "mode"), number(all, "nlink"));
        }

        private static int number(Map<String, Object> all, String key) {
            return all.get(key) instanceof Number n ? n.intValue() : -1;
        }

        boolean is(int kind) {
            return (mode & KIND) == kind;
        }
    }

    private JournalTree(Path name, Fd top, UidRange recorders) {
        this.name = name;
        this.top = top;
        this.recorders = recorders;
    }

    /**
     * Opens a directory that is there.
     *
     * @param recorders whose an earlier recorder's files may be
     * @throws IOException with the reason when it cannot be opened
     */
    static JournalTree open(Path directory, UidRange recorders) throws IOException {
        Path real = directory.toRealPath(); // the configuration may name a link
        try {
            return new JournalTree(
                    directory, FileIo.open(real, FileIo.PATH_ONLY | FileIo.DIRECTORY | FileIo.NO_FOLLOW, 0), recorders);
        } catch (SysException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    /** Why this is no directory for a journal: a sentence without an end, with what to do; empty when it is one. */
    Optional<String> fault() throws IOException {
        try {
            proven = children(top).isEmpty();
            Optional<String> fault = fault(top, name);
            return fault.isPresent() || proven
                    ? fault
                    : Optional.of("the journal directory " + name
                            + " has nothing in it that only a journal has; give the journal a directory of its own");
        } catch (UncheckedIOException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    private Optional<String> fault(Fd fd, Path at) throws IOException {
        Facts facts = Facts.of(fd);
        Optional<String> alien = alien(facts, at).or(() -> open(facts, at));
        if (alien.isPresent() || !facts.is(DIRECTORY)) {
            return alien;
        }
        for (Path child : children(fd)) {
            try (Fd next = child(child)) {
                Optional<String> fault = fault(next, at.resolve(String.valueOf(child.getFileName())));
                if (fault.isPresent()) {
                    return fault;
                }
            } catch (SysException e) {
                throw new IOException(e.getMessage(), e);
            }
        }
        return Optional.empty();
    }

    /** What is no part of a journal. */
    private Optional<String> alien(Facts facts, Path at) {
        Path below = name.relativize(at);
        boolean directory = facts.is(DIRECTORY);
        boolean ours = at.equals(name)
                ? directory
                : (directory || facts.is(REGULAR) || facts.is(LINK))
                        && ((below.equals(Path.of(MachineRecording.LOCK)) && !directory)
                                || JournalDirectory.isOurs(below, directory));
        proven |= ours && !at.equals(name) && (!directory || JournalDirectory.isProof(below));
        if (!ours) {
            return Optional.of(holds(at) + " is no part of a journal; give it a directory of its own");
        }
        if (facts.is(LINK)) {
            return Optional.of(holds(at) + " is a link; remove it");
        }
        return facts.is(REGULAR) && facts.links() > 1
                ? Optional.of(holds(at) + " has another name somewhere else (" + facts.links()
                        + " links); remove it, or give the journal a directory of its own")
                : Optional.empty();
    }

    /** Whoever else could have put there what is in it, or could do so now. */
    private Optional<String> open(Facts facts, Path at) {
        int self = SystemInfo.effectiveUid();
        boolean mine = facts.uid() == 0
                || facts.uid() == self
                || (self == 0 && facts.uid() >= recorders.first() && facts.uid() <= recorders.last());
        if (!mine) {
            return Optional.of(
                    place(at) + " belongs to uid " + facts.uid() + ", who could put anything there; give the journal a"
                            + " directory of its own, or run: chown -R " + self + " " + name);
        }
        String own = "give the journal a directory of its own";
        return (facts.mode() & OTHERS_WRITE) == 0
                ? Optional.empty()
                : Optional.of(String.format(
                        Locale.ROOT,
                        "%s can be written to by others (mode %04o); %s",
                        place(at),
                        facts.mode() & 07777,
                        (facts.mode() & STICKY) != 0 ? own : own + ", or run: chmod -R go-w " + name));
    }

    private String place(Path at) {
        return at.equals(name) ? "the journal directory " + name : holds(at);
    }

    private String holds(Path at) {
        String below = name.relativize(at).toString();
        return "the journal directory " + name + " holds "
                + (PLAIN.matcher(below).matches() ? below : Quoted.of(below)) + ", which";
    }

    /** Gives everything to the recorder's uid, after {@link #fault} has found none. */
    void give(int uid) throws IOException {
        give(top, name, uid);
    }

    private void give(Fd fd, Path at, int uid) throws IOException {
        Facts facts = Facts.of(fd);
        if (alien(facts, at).isPresent()) {
            throw new IOException("something has come into it meanwhile that is no part of a journal");
        }
        if (facts.uid() != uid) {
            Files.setAttribute(itself(fd), "unix:uid", uid);
            Files.setAttribute(itself(fd), "unix:gid", uid);
        }
        if (facts.is(DIRECTORY)) {
            for (Path child : children(fd)) {
                try (Fd next = child(child)) {
                    give(next, at.resolve(String.valueOf(child.getFileName())), uid);
                } catch (SysException e) {
                    throw new IOException(e.getMessage(), e);
                }
            }
        }
    }

    /** The file itself, whatever has its name by now (proc_pid_fd(5)). */
    private static Path itself(Fd fd) {
        return Path.of("/proc/self/fd/" + fd.number());
    }

    private static List<Path> children(Fd directory) throws IOException {
        try (Stream<Path> all = Files.list(itself(directory))) {
            return all.sorted().toList();
        }
    }

    private static Fd child(Path child) {
        return FileIo.open(child, FileIo.PATH_ONLY | FileIo.NO_FOLLOW, 0);
    }

    @Override
    public void close() {
        top.close();
    }
}
