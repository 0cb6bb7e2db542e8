package io.jvmm.supervisor.upgrade;

import io.jvmm.ipc.link.LinkLayout;
import io.jvmm.ipc.sys.SystemInfo;
import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Whether a directory that a client names may give a running machine a program. What it holds runs with the rights of a device
 * process, and its policies decide what that may do: it is trusted as the supervisor's own distribution, so nobody but root and
 * the supervisor's user may have been able to write it, or to put another one in its place.
 */
public final class DistributionDirectory {
    private static final int OTHERS_WRITE = 0002;
    private static final int GROUP_WRITE = 0020;
    private static final int STICKY = 01000;
    private static final int MOST_FILES = 4096;

    private DistributionDirectory() {}

    /**
     * The directory's real path.
     *
     * @param process the program that is wanted of it, as in its file names
     */
    public static Path check(Path directory, String process) throws UnfitException {
        try {
            Path home = directory.toRealPath();
            if (!Files.isRegularFile(home.resolve("complete")) || !Files.isDirectory(home.resolve("lib"))) {
                throw new UnfitException(
                        directory
                                + " is no distribution, or not a whole one. Name what a build leaves in supervisor/target/jvmm.");
            }
            checkProgram(home, process);
            checkOwners(home, process);
            ProgramFiles.check(home, process);
            return home;
        } catch (IOException e) {
            throw new UnfitException(
                    Files.exists(directory)
                            ? directory + " cannot be read: " + e.getMessage() + "."
                            : "there is no " + directory + ". Correct the path.",
                    e);
        }
    }

    private static void checkProgram(Path home, String process) throws UnfitException {
        for (Path needed : needed(home, process)) {
            if (!Files.isReadable(needed)) {
                throw new UnfitException("the distribution lacks " + needed + ", and so the class " + process
                        + ". Name one that has it.");
            }
        }
    }

    private static List<Path> needed(Path home, String process) {
        return List.of(
                home.resolve("runtime/bin/java"),
                home.resolve("launch").resolve(process + ".launch"),
                home.resolve("lib").resolve(process).resolve("program"),
                home.resolve("lib").resolve("devices"),
                home.resolve("policies").resolve("wide.bpf"),
                home.resolve("policies").resolve(process + ".bpf"));
    }

    /** What the distribution says of a program. */
    public static ProgramVersions versions(Path home, String process) throws UnfitException {
        return ProgramVersions.read(home.resolve("lib").resolve(process).resolve("versions"));
    }

    /** That a program of these versions can join a machine of ours. */
    public static void checkProtocol(ProgramVersions versions) throws UnfitException {
        if (versions.protocolMajor() != LinkLayout.MAJOR || versions.protocolMinor() > LinkLayout.MINOR) {
            throw new UnfitException("it speaks protocol " + versions.protocolMajor() + "." + versions.protocolMinor()
                    + ", and this machine " + LinkLayout.MAJOR + "." + LinkLayout.MINOR
                    + ". A machine is upgraded to that by starting it with the other distribution.");
        }
    }

    /** Everything on the way to it and everything of it that a device process gets to see. */
    private static void checkOwners(Path home, String process) throws UnfitException, IOException {
        for (Path above = home.getParent(); above != null; above = above.getParent()) {
            checkOwner(above, true);
        }
        checkOwner(home, false);
        int left = MOST_FILES;
        for (String part : List.of("runtime", "launch", "policies", "aot", "lib/devices", "lib/" + process)) {
            Path top = home.resolve(part);
            if (!Files.exists(top)) {
                continue;
            }
            // A link leads to something that must be trusted too, and where it leads from.
            try (Stream<Path> all = Files.walk(top, FileVisitOption.FOLLOW_LINKS)) {
                for (Iterator<Path> i = all.iterator(); i.hasNext(); ) {
                    Path file = i.next();
                    if (left-- == 0) {
                        throw new UnfitException(home + " holds more files than any distribution.");
                    }
                    checkOwner(file, false);
                    if (Files.isSymbolicLink(file)) {
                        checkWay(file.toRealPath());
                    }
                }
            }
        }
    }

    private static void checkWay(Path real) throws UnfitException, IOException {
        for (Path above : ancestors(real)) {
            checkOwner(above, true);
        }
    }

    private static List<Path> ancestors(Path path) {
        List<Path> above = new ArrayList<>();
        for (Path p = path.getParent(); p != null; p = p.getParent()) {
            above.add(p);
        }
        return above;
    }

    /** {@code way}: in a directory with the sticky bit, as /tmp, nobody moves what is another's. */
    private static void checkOwner(Path path, boolean way) throws UnfitException, IOException {
        int uid = (Integer) Files.getAttribute(path, "unix:uid");
        int mode = (Integer) Files.getAttribute(path, "unix:mode");
        int own = SystemInfo.effectiveUid();
        boolean ours = uid == 0 || uid == own;
        boolean shared = (mode & OTHERS_WRITE) != 0 || ((mode & GROUP_WRITE) != 0 && groupIsForeign(path, own));
        if (!ours || (shared && !(way && (mode & STICKY) != 0))) {
            boolean others = (mode & OTHERS_WRITE) != 0;
            throw new UnfitException(path + " "
                    + (!ours
                            ? "belongs to uid " + uid
                            : "can be written by " + (others ? "others" : "its group, in which others are or may be"))
                    + ", and a distribution is trusted as the supervisor's own. Mend it: "
                    + (ours ? "chmod go-w " : "chown -R " + own + " ") + path);
        }
    }

    /** A user's own group, which many systems give each user, is nobody else. */
    private static boolean groupIsForeign(Path path, int own) throws IOException {
        return !new GroupMembers().areOnly((Integer) Files.getAttribute(path, "unix:gid"), own);
    }
}
