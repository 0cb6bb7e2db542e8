package io.jvmm.supervisor.backend;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.SystemInfo;
import io.jvmm.supervisor.config.BlockConfig;
import io.jvmm.supervisor.config.Quoted;
import io.jvmm.supervisor.sys.BlockDevice;
import io.jvmm.supervisor.sys.OpenFileLock;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Opens disk images and what lies behind them. An image that is written to is locked for its machine alone, every other for
 * those who only read; the locks end with the last process that holds the descriptor.
 *
 * <p>Who can write an image, as a block process that its guest has taken over can, writes its header: whatever that names is
 * compared and shown, never opened. Opened is what the configuration lists. Neither does the format that a header gives the
 * image behind lead anywhere else: called qcow2, a raw image has a header that must name the next of the list too; called raw, a
 * qcow2 image shows its insides, which the block process could read anyway, and one whose name says qcow2 is refused.
 */
final class DiskImages {
    private static final int O_DIRECT = 0x4000;
    private static final int FILE_TYPE = 0170000;
    private static final int BLOCK_DEVICE = 0060000;

    private final Opening opening;

    DiskImages(Opening opening) {
        this.opening = opening;
    }

    /**
     * An image of a chain.
     *
     * @param path in the configuration
     * @param named by the image that lies on it: what it names itself is relative to that
     */
    private record Image(Path path, Path named, BlockConfig.Format format) {}

    /** Opens the image of a disk and its backing images; complains about the key that names them. */
    Wiring open(BlockConfig disk) {
        Wiring wiring = describe(disk);
        Set<Object> seen = new HashSet<>();
        Optional<Image> image = Optional.of(new Image(disk.path(), disk.path(), disk.format()));
        for (int depth = 0; image.isPresent(); depth++) {
            Path path = image.get().path();
            BlockConfig.Format format = image.get().format();
            String subject = opening.config().deviceSubject(disk, depth == 0 ? "path" : "backing");
            boolean writable = depth == 0 && !disk.readOnly();
            Fd fd = openImage(subject, path, writable, disk.cache() == BlockConfig.Cache.NONE, seen);
            if (fd != null && format == BlockConfig.Format.RAW) {
                warnOfOtherFormat(disk, depth, path, fd);
            }
            if (fd == null || !checkLength(subject, path, fd, format, depth == 0 ? disk.blockSize() : 1)) {
                return wiring;
            }
            wiring.fd(depth == 0 ? "image" : "backing." + (depth - 1), fd);
            if (writable
                    && (disk.cache() == BlockConfig.Cache.WRITEBACK
                            || disk.cache() == BlockConfig.Cache.WRITETHROUGH)) {
                wiring.fd("witness", witness(fd));
            }
            if (depth > 0) {
                wiring.put("backing." + (depth - 1) + ".format", format.word());
            }
            image = behind(disk, depth, image.get(), fd);
        }
        return wiring;
    }

    /** What lies behind an open image: the next of the list, if the header says the same; else empty, after a complaint. */
    private Optional<Image> behind(BlockConfig disk, int depth, Image image, Fd fd) {
        List<Path> list = disk.backing();
        // Where the list is wrong, and else where the image is named.
        String subject = opening.config().deviceSubject(disk, list.isEmpty() ? "path" : "backing");
        try {
            Qcow2Header header = image.format() == BlockConfig.Format.RAW ? Qcow2Header.ALONE : Qcow2Header.read(fd);
            if (header.backing().isEmpty()) {
                if (depth < list.size()) {
                    opening.complain(
                            subject,
                            list.get(depth) + " is in the list, and " + image.path() + " has no image behind it."
                                    + " Remove it from backing.");
                }
                return Optional.empty();
            }
            Path named = resolve(image.named(), header.backing().get());
            if (depth == list.size()) {
                opening.complain(subject, unlisted(image, header.backing().get(), list, named));
                return Optional.empty();
            }
            Path listed = list.get(depth);
            if (!isSame(image.named(), header.backing().get(), listed)) {
                opening.complain(
                        subject,
                        image.path() + " says that "
                                + Quoted.of(header.backing().get())
                                + " lies behind it, and that is not " + listed + ". Correct backing, or look into the"
                                + " image: qemu-img info " + image.path());
                return Optional.empty();
            }
            BlockConfig.Format format = header.knownFormat(image.path().toString());
            if (format == BlockConfig.Format.RAW && BlockConfig.Format.ofName(listed) == BlockConfig.Format.QCOW2) {
                throw new IllegalArgumentException(
                        "says that " + listed + " is raw, and its name says qcow2. If it is raw,"
                                + " rename it; else: qemu-img rebase -u -F qcow2 -b " + listed + " " + image.path());
            }
            return Optional.of(new Image(listed, named, format));
        } catch (IllegalArgumentException e) {
            opening.complain(subject, image.path() + " " + e.getMessage() + ".");
            return Optional.empty();
        }
    }

    private static String unlisted(Image image, String name, List<Path> list, Path named) {
        String line = Stream.concat(list.stream(), Stream.of(named))
                .map(p -> Quoted.toml(p.toString()))
                .collect(Collectors.joining(", ", "backing = [", "]"));
        return image.path() + " says that " + Quoted.of(name)
                + " lies behind it, and the configuration does not. If that is" + " meant: " + line
                + ". If not, somebody has written it there.";
    }

    /**
     * Whether an image names the listed one. The name is compared as text: the supervisor does not even look at a place that whoever wrote
     * the image has chosen, for that may be an automount or a server that never answers.
     */
    private static boolean isSame(Path image, String name, Path listed) {
        try {
            Path place = resolve(inRealDirectory(image), name).normalize();
            return place.equals(inRealDirectory(listed))
                    || place.equals(listed.toRealPath())
                    || place.equals(listed.toAbsolutePath().normalize());
        } catch (IOException e) {
            // The listed one is not there.
            return false;
        }
    }

    /** The same place, reached without links but for a last one. */
    private static Path inRealDirectory(Path file) throws IOException {
        return Objects.requireNonNull(file.toAbsolutePath().getParent())
                .toRealPath()
                .resolve(Objects.requireNonNull(file.getFileName()));
    }

    private static Wiring describe(BlockConfig disk) {
        return new Wiring()
                .put("path", disk.path())
                .put("format", disk.format().word())
                .put("read-only", disk.readOnly())
                // That the host does not cache is a matter of how the image is open.
                .put(
                        "cache",
                        (disk.cache() == BlockConfig.Cache.NONE ? BlockConfig.Cache.WRITEBACK : disk.cache()).word())
                .put("queues", disk.queues())
                .put("queue-size", disk.queueSize())
                .put("serial", disk.serial())
                .put("discard", disk.discard())
                .put("packed", disk.packed())
                .put("block-size", disk.blockSize());
    }

    /**
     * The place of a backing image: relative to the image that names it.
     *
     * @throws IllegalArgumentException with a clause when it is none
     */
    private static Path resolve(Path image, String name) {
        String file = name.startsWith("file:") && !name.startsWith("file://") ? name.substring(5) : name;
        // A colon before the first slash is a protocol to QEMU (nbd:, json:, https:), which nobody here speaks.
        int colon = file.indexOf(':');
        int slash = file.indexOf('/');
        if (colon >= 0 && (slash < 0 || colon < slash)) {
            throw new IllegalArgumentException("has a backing image that is no file: " + Quoted.of(name));
        }
        try {
            // Not normalized: beyond a link to a directory, ".." is another place.
            return image.resolveSibling(file);
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("has a backing image whose name is no path: " + Quoted.of(name), e);
        }
    }

    private @Nullable Fd openImage(String subject, Path path, boolean writable, boolean direct, Set<Object> seen) {
        try {
            if (Files.exists(path) && !isImage(path)) {
                opening.complain(subject, path + " is neither a regular file nor a block device. Name a disk image.");
                return null;
            }
            Fd fd = opening.keep(FileIo.open(
                    path,
                    (writable ? FileIo.READ_WRITE : FileIo.READ_ONLY)
                            | FileIo.NO_CONTROLLING_TERMINAL
                            | (direct ? O_DIRECT : 0),
                    0));
            if (!seen.add(Files.getAttribute(path, "unix:dev") + ":" + Files.getAttribute(path, "unix:ino"))) {
                opening.complain(subject, path + " lies behind itself: the images form a circle.");
                return null;
            }
            if (!OpenFileLock.tryLock(fd, writable)) {
                opening.complain(
                        subject,
                        path + " is in use" + holder(path) + ". End that first"
                                + (writable ? ", or add read_only = true if it only reads." : "."));
                return null;
            }
            return fd;
        } catch (SysException e) {
            opening.complain(
                    subject,
                    direct && e.errno() == Errno.EINVAL
                            ? "the file system of " + path + " cannot do without its cache (O_DIRECT). Use another"
                                    + " cache than \"none\"."
                            : Opening.explain(path, e));
        } catch (IOException e) {
            opening.complain(subject, path + " cannot be looked at: " + Opening.reason(e));
        }
        return null;
    }

    /**
     * The same file once more, for reading. The kernel tells each open description once that it has lost what was written; what it told the
     * first one through a process that died then, the next process learns from the second.
     */
    private @Nullable Fd witness(Fd image) {
        try {
            return opening.keep(FileIo.open(Path.of("/proc/self/fd/" + image.number()), FileIo.READ_ONLY, 0));
        } catch (SysException e) {
            return null; // a successor knows what the state says, and no more
        }
    }

    private static boolean isImage(Path path) throws IOException {
        return Files.isRegularFile(path)
                || ((Integer) Files.getAttribute(path, "unix:mode") & FILE_TYPE) == BLOCK_DEVICE;
    }

    private boolean checkLength(String subject, Path path, Fd fd, BlockConfig.Format format, int blockSize) {
        long length;
        try {
            length = BlockDevice.lengthBytes(fd);
        } catch (SysException e) {
            // A file of /proc: it is called a regular one.
            opening.complain(subject, path + " has no length (" + e.errno() + "). Name a disk image.");
            return false;
        }
        if (length == 0) {
            opening.complain(
                    subject,
                    path + " is empty. Make a disk of it: "
                            + (format == BlockConfig.Format.RAW
                                    ? "truncate -s 10G " + path
                                    : "qemu-img create -f qcow2 " + path + " 10G"));
            return false;
        }
        if (format == BlockConfig.Format.RAW && length % blockSize != 0) {
            opening.complain(
                    subject,
                    path + " has " + length + " bytes, which is not a whole number of blocks of " + blockSize
                            + ". Mend it: truncate -s %" + blockSize + " " + path);
            return false;
        }
        return true;
    }

    /** Only said, never acted upon: a guest can make its raw disk look like anything. */
    private void warnOfOtherFormat(BlockConfig disk, int depth, Path path, Fd fd) {
        boolean said = opening.config().where().containsKey(opening.config().deviceSubject(disk, "format"));
        if (depth == 0 && !said && Qcow2Header.looksLikeOne(fd)) {
            opening.notice(path + " begins like a qcow2 image and is used as a raw disk. If it is one, say"
                    + " format = \"qcow2\"; else say format = \"raw\".");
        }
    }

    /** Who else has the file open, as far as this user may know: {@code  by process 4711 (qemu-img)}. */
    static String holder(Path path) {
        try {
            Path real = path.toRealPath();
            try (DirectoryStream<Path> processes = Files.newDirectoryStream(Path.of("/proc"), "[0-9]*")) {
                for (Path process : processes) {
                    Optional<String> name = hasOpen(process, real);
                    if (name.isPresent()) {
                        return name.get();
                    }
                }
            }
            return ownDescriptors(real) > 1 ? " by another disk of this machine" : " by another process";
        } catch (IOException | DirectoryIteratorException e) {
            return "";
        }
    }

    private static long ownDescriptors(Path file) throws IOException {
        long count = 0;
        try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (Path fd : descriptors) {
                // The stream's own is gone by now.
                count += Files.isSymbolicLink(fd) && Files.readSymbolicLink(fd).equals(file) ? 1 : 0;
            }
        }
        return count;
    }

    private static Optional<String> hasOpen(Path process, Path file) {
        String pid = String.valueOf(process.getFileName());
        if (pid.equals(Integer.toString(SystemInfo.pid()))) {
            return Optional.empty();
        }
        try (DirectoryStream<Path> descriptors = Files.newDirectoryStream(process.resolve("fd"))) {
            for (Path fd : descriptors) {
                if (Files.readSymbolicLink(fd).equals(file)) {
                    String name = Files.readString(process.resolve("comm")).strip();
                    return Optional.of(" by process " + pid + " (" + Quoted.of(name) + ")");
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            // Another user's process, or one that has just ended.
            return Optional.empty();
        }
        return Optional.empty();
    }
}
