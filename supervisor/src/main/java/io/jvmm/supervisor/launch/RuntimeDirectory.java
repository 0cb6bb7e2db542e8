package io.jvmm.supervisor.launch;

import io.jvmm.ipc.sys.SystemInfo;
import io.jvmm.supervisor.backend.Opening;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Where supervisors of one user keep what they must agree on: {@code /run/jvmm} for root, {@code $XDG_RUNTIME_DIR/jvmm} or
 * {@code /tmp/jvmm-UID} for others; mode 0700.
 *
 * <pre>
 *   uids/100003          empty; locked while the uid is in use            ({@link UidAllocator})
 *   uids/next            where the search for a free uid begins
 *   vms/PID-NONCE/lock   locked while that supervisor lives
 *   vms/PID-NONCE/paths  files outside that it has made: sockets, links to ptys; one a line
 *   vms/PID-NONCE/vm     the machine's name, and in the next line the path of its control socket: how jvmmctl finds it
 *   vms/PID-NONCE/control  that socket, unless the configuration has another place for it
 *   vms/PID-NONCE/...    its scratch files
 * </pre>
 *
 * <p>Locks are the kernel's (fcntl(2)), so they end with their holder, however it dies. What a killed supervisor left behind is
 * found by its unlocked {@code lock} and removed by the next supervisor that starts.
 */
public final class RuntimeDirectory implements Opening.Footprints, AutoCloseable {
    private final Path root;
    private final Path mine;
    private final FileChannel alive;
    private final List<Path> made = new ArrayList<>();

    private RuntimeDirectory(Path root, Path mine, FileChannel alive) {
        this.root = root;
        this.mine = mine;
        this.alive = alive;
    }

    /** Opens the directory of this user and clears away what the dead have left. */
    public static RuntimeDirectory open() throws HostLackException {
        return open(standard());
    }

    static Path standard() {
        return of(SystemInfo.effectiveUid(), System.getenv("XDG_RUNTIME_DIR"));
    }

    /** Where that directory is, for a user and what the environment says. Links no native code: jvmmctl starts fast. */
    public static Path of(int uid, @Nullable String xdg) {
        if (uid == 0) {
            return Path.of("/run/jvmm");
        }
        return xdg == null || xdg.isEmpty() ? Path.of("/tmp/jvmm-" + uid) : Path.of(xdg, "jvmm");
    }

    /** As {@link #open()}, at a place of the caller's. */
    public static RuntimeDirectory open(Path root) throws HostLackException {
        try {
            makePrivate(root);
            makePrivate(root.resolve("uids"));
            makePrivate(root.resolve("vms"));
            clearAfterTheDead(root.resolve("vms"));
            Path mine = Files.createTempDirectory(
                    root.resolve("vms"),
                    SystemInfo.pid() + "-",
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            return hold(root, mine);
        } catch (IOException e) {
            String full = "No space left on device";
            throw new HostLackException(
                    "the directory for runtime files, " + root + ", cannot be used (" + reason(e) + "). "
                            + (String.valueOf(e.getMessage()).contains(full)
                                    ? "Make room there; see: df " + root
                                    : "Have it removed, with what is in it, if it is another's or a link; else: chmod 0700 "
                                            + root),
                    e);
        }
    }

    /** Marks a new directory as that of a living supervisor; it does not stay if that fails. */
    private static RuntimeDirectory hold(Path root, Path mine) throws IOException {
        try {
            // The lock is taken before the file has the name that others look for: nobody finds it free in between.
            Path draft = mine.resolve("lock.draft");
            FileChannel alive = FileChannel.open(draft, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
            if (alive.tryLock() == null) {
                throw new IOException("cannot lock " + draft);
            }
            Files.move(draft, mine.resolve("lock"));
            return new RuntimeDirectory(root, mine, alive);
        } catch (IOException e) {
            deleteTree(mine);
            throw e;
        }
    }

    private static String reason(IOException e) {
        return e.getClass().getSimpleName().replace("Exception", "") + ": " + e.getMessage();
    }

    private static void makePrivate(Path directory) throws IOException {
        try {
            Files.createDirectory(
                    directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (FileAlreadyExistsException e) {
            // In /tmp somebody else may have been first: what is not ours alone is not used.
            Optional<String> fault = fault(directory, SystemInfo.effectiveUid());
            if (fault.isPresent()) {
                throw new IOException(directory + " " + fault.get(), e);
            }
        }
    }

    /**
     * Why a directory, which exists, is not one that only this user can use; a clause behind its name. Links no native code: {@code
     * jvmmctl} believes no other directory either.
     */
    public static Optional<String> fault(Path directory, int uid) throws IOException {
        int owner = (Integer) Files.getAttribute(directory, "unix:uid", LinkOption.NOFOLLOW_LINKS);
        int mode = (Integer) Files.getAttribute(directory, "unix:mode", LinkOption.NOFOLLOW_LINKS);
        if (Files.isSymbolicLink(directory)) {
            return Optional.of("is a symbolic link");
        }
        if (!Files.isDirectory(directory, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.of("is no directory");
        }
        if (owner != uid) {
            return Optional.of("belongs to uid " + owner + ", not to uid " + uid);
        }
        return (mode & 0077) == 0
                ? Optional.empty()
                : Optional.of(String.format(Locale.ROOT, "can be used by others (mode %04o)", mode & 07777));
    }

    private static void clearAfterTheDead(Path vms) throws IOException {
        try (DirectoryStream<Path> all = Files.newDirectoryStream(vms)) {
            for (Path vm : all) {
                clearIfDead(vm);
            }
        }
    }

    private static void clearIfDead(Path vm) {
        Path lockFile = vm.resolve("lock");
        try (FileChannel channel = FileChannel.open(lockFile, StandardOpenOption.WRITE);
                FileLock lock = channel.tryLock()) {
            if (lock == null) {
                return;
            }
            Path paths = vm.resolve("paths");
            if (Files.exists(paths)) {
                for (String path : Files.readAllLines(paths)) {
                    removeSpecial(Path.of(path));
                }
            }
            deleteTree(vm);
        } catch (IOException | OverlappingFileLockException e) {
            // Not there yet, or just cleared by another supervisor that starts now, or held by this very process: let
            // it be.
            return;
        }
    }

    /** Removes a socket or a link of ours; an ordinary file in its place is somebody's data. */
    private static void removeSpecial(Path path) throws IOException {
        boolean special = Files.isSymbolicLink(path)
                || (Files.exists(path, LinkOption.NOFOLLOW_LINKS)
                        && !Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)
                        && !Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS));
        if (special) {
            Files.deleteIfExists(path);
        }
    }

    private static void deleteTree(Path directory) throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            for (Path p : all.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(p);
            }
        }
    }

    /** Where {@link UidAllocator} keeps its locks. */
    Path uids() {
        return root.resolve("uids");
    }

    /** A directory for this supervisor's own scratch files. */
    public Path scratch() {
        return mine;
    }

    /** Where the control socket is if nothing else is wanted. Nobody but this user reaches the directory, and nobody else names it. */
    public Path controlSocket() {
        return mine.resolve("control");
    }

    /** Lets {@code jvmmctl} find the machine by its name. */
    public void announce(String vm, Path controlSocket) throws IOException {
        Path draft = mine.resolve("vm.draft");
        Files.writeString(draft, vm + "\n" + controlSocket.toAbsolutePath() + "\n");
        Files.move(draft, mine.resolve("vm"), StandardCopyOption.ATOMIC_MOVE);
    }

    /** Notes a socket or a link that is about to be made, so that it is removed even if this supervisor cannot do it. */
    @Override
    public void willMake(Path path) throws IOException {
        made.add(path);
        Files.write(mine.resolve("paths"), made.stream().map(Path::toString).toList());
    }

    /** Removes what this supervisor has made. */
    @Override
    public void close() {
        try {
            for (Path path : made) {
                removeSpecial(path);
            }
            deleteTree(mine);
            alive.close();
        } catch (IOException e) {
            // The next supervisor tries again; this one is on its way out and has nothing better to do.
            System.getLogger("jvmm").log(System.Logger.Level.DEBUG, "clearing " + mine, e);
        }
    }
}
