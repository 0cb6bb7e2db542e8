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
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Opens disk images and what lies behind them. An image that is written to is locked for its machine alone, every other for
 * those who only read; the locks end with the last process that holds the descriptor.
 */
final class DiskImages {
    /** Images behind one another. Each costs its process a descriptor, and every read of an unwritten place a look. */
    static final int LONGEST_CHAIN = 16;

    private static final int O_DIRECT = 0x4000;
    private static final int FILE_TYPE = 0170000;
    private static final int BLOCK_DEVICE = 0060000;

    private final Opening opening;

    DiskImages(Opening opening) {
        this.opening = opening;
    }

    /** Opens the image of a disk and its backing images; complains about the key of its path. */
    Wiring open(BlockConfig disk) {
        Wiring wiring = describe(disk);
        String subject = opening.config().deviceSubject(disk, "path");
        Set<Object> seen = new HashSet<>();
        Path path = disk.path();
        BlockConfig.Format format = disk.format();
        for (int depth = 0; depth <= LONGEST_CHAIN; depth++) {
            boolean writable = depth == 0 && !disk.readOnly();
            Fd fd = openImage(subject, path, writable, disk.cache() == BlockConfig.Cache.NONE, seen);
            if (fd != null && format == BlockConfig.Format.RAW) {
                warnOfOtherFormat(disk, depth, path, fd);
            }
            if (fd == null || !checkLength(subject, path, fd, format, disk)) {
                return wiring;
            }
            wiring.fd(depth == 0 ? "image" : "backing." + (depth - 1), fd);
            if (depth > 0) {
                wiring.put("backing." + (depth - 1) + ".format", format.word());
            }
            if (format == BlockConfig.Format.RAW) {
                return wiring;
            }
            try {
                Qcow2Header header = Qcow2Header.read(fd);
                if (header.backing().isEmpty()) {
                    return wiring;
                }
                format = header.knownFormat(path.toString());
                path = resolve(path, header.backing().get());
            } catch (IllegalArgumentException e) {
                opening.complain(subject, path + " " + e.getMessage() + ".");
                return wiring;
            }
        }
        opening.complain(
                subject,
                disk.path() + " has more than " + LONGEST_CHAIN + " backing images, one behind the other. Merge some:"
                        + " qemu-img commit or qemu-img rebase.");
        return wiring;
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
                opening.complain(subject, path + " lies behind itself: its backing images form a circle.");
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

    private static boolean isImage(Path path) throws IOException {
        return Files.isRegularFile(path)
                || ((Integer) Files.getAttribute(path, "unix:mode") & FILE_TYPE) == BLOCK_DEVICE;
    }

    private boolean checkLength(String subject, Path path, Fd fd, BlockConfig.Format format, BlockConfig disk) {
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
        if (format == BlockConfig.Format.RAW && length % disk.blockSize() != 0) {
            opening.complain(
                    subject,
                    path + " has " + length + " bytes, which is not a whole number of blocks of " + disk.blockSize()
                            + ". Mend it: truncate -s %" + disk.blockSize() + " " + path);
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
