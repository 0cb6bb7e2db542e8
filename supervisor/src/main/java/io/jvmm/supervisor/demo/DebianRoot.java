package io.jvmm.supervisor.demo;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A small Debian on a disk, and what boots it: Debian's cloud kernel with its virtio drivers in an initial ram disk. Made of
 * Debian packages without any privilege; nothing of the packages is run but busybox, for the list of its
 * commands. busybox is its init, its login and its DHCP client.
 */
public final class DebianRoot {
    /** Changes when what is made of the packages does. */
    private static final String RECIPE = "jvmm root 1\n";

    private static final List<String> PACKAGES = List.of(
            "base-files", "bash", "coreutils", "iproute2", "e2fsprogs", "fdisk", "pciutils", "socat", "busybox-static");

    /** For installing only, or large and not needed. */
    private static final Set<String> WITHOUT =
            Set.of("debconf", "awk", "debianutils", "logsave", "libcap2-bin", "readline-common", "sensible-utils");

    private static final String SIZE = "1G";
    private static final String BUSYBOX = "usr/bin/busybox";

    /** Directories that Debian merges into usr. */
    private static final List<String> MERGED = List.of("bin", "sbin", "lib", "lib64");

    private static final String HELP = """
            Usage: jvmm-debian-root DIRECTORY

            Writes a small Debian into DIRECTORY, which is made if there is none:
              vmlinuz      Debian's cloud kernel
              initrd.img   its virtio drivers, and a script that mounts the disk
              disk.img     an ext4 file system of 1 GiB, most of it a hole: bash, coreutils, iproute2, socat, busybox

            The packages come by apt-get download and stay in a cache; nothing is installed and none of it is run, so no
            privilege is needed. The host must have apt and mke2fs (package e2fsprogs).

            Then, with these files named in vm.toml (see examples/disk.toml):
              jvmm-supervisor --config vm.toml

            Exit status: 0 written; 2 wrong words, or there is a disk.img already; 3 the host or its package
            sources could not give what is needed.
            """;

    private final DebianPackages packages;

    public DebianRoot(DebianPackages packages) {
        this.packages = packages;
    }

    /**
     * The disk: a raw image of an ext4 file system, kept in the cache; not to be written to.
     *
     * @throws IOException with one line that says what to do
     */
    public Path disk() throws IOException {
        String mke2fs = mke2fs().orElseThrow(
                        () -> new IOException("this host has no mke2fs. Install it: sudo apt-get install e2fsprogs"));
        return packages.made("debian-root", PACKAGES, WITHOUT, RECIPE, "disk.img", (tree, result) -> {
            prepare(tree);
            format(mke2fs, tree, result);
        });
    }

    /** Whether this host can make a disk. */
    static Optional<String> mke2fs() {
        return Stream.of("/usr/sbin/mke2fs", "/sbin/mke2fs", "/usr/bin/mke2fs")
                .filter(p -> Files.isExecutable(Path.of(p)))
                .findFirst();
    }

    /** Writes the initial ram disk that goes with {@link DebianKernel.Flavour#CLOUD}. */
    public Path writeInitrd(Path file) throws IOException {
        String kernel = packages.behind(DebianKernel.Flavour.CLOUD.metaPackage());
        Path modules = packages.made(kernel, "modules", (tree, result) -> {
            Files.createDirectory(result);
            List<String> order = new KernelModules(tree).copyTo(result);
            Files.write(result.resolve("order"), order);
        });
        Path busybox = packages.file("busybox-static", "bin/busybox", "busybox");
        try (Initramfs root = new Initramfs(Files.newOutputStream(file))) {
            root.directory("bin")
                    .directory("dev")
                    .directory("proc")
                    .directory("sys")
                    .directory("modules");
            root.directory("root");
            root.characterDevice("dev/console", 0600, 5, 1);
            root.file("bin/busybox", 0755, busybox);
            root.file("init", 0755, resource("disk-init"));
            root.file("modules/order", 0644, modules.resolve("order"));
            for (String module : Files.readAllLines(modules.resolve("order"))) {
                root.file("modules/" + module + ".ko", 0644, modules.resolve(module + ".ko"));
            }
        }
        return file;
    }

    /** From unpacked packages to something that boots. */
    private static void prepare(Path tree) throws IOException {
        merge(tree);
        for (String directory :
                List.of("dev", "proc", "sys", "run", "tmp", "root", "mnt", "var/log", "etc/acpi/PWRF")) {
            Files.createDirectories(tree.resolve(directory));
        }
        for (String large : List.of("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info")) {
            DebianPackages.delete(tree.resolve(large));
        }
        if (Files.exists(tree.resolve("bin/busybox")) && !Files.exists(tree.resolve(BUSYBOX))) {
            Files.move(tree.resolve("bin/busybox"), tree.resolve(BUSYBOX));
        }
        for (String applet : HostCommand.check(tree, List.of("./" + BUSYBOX, "--list"))
                .lines()
                .toList()) {
            link(tree, applet);
        }
        script(tree, "etc/inittab", "root/inittab", false);
        script(tree, "etc/passwd", "root/passwd", false);
        script(tree, "etc/group", "root/group", false);
        script(tree, "etc/motd", "root/motd", false);
        script(tree, "etc/profile", "root/profile", false);
        script(tree, "etc/rc", "root/rc", true);
        script(tree, "etc/session", "root/session", true);
        script(tree, "etc/login", "root/login", true);
        script(tree, "etc/dhcp", "root/dhcp", true);
        script(tree, "etc/acpi/PWRF/00000080", "root/power-button", true);
        Files.writeString(tree.resolve("etc/hostname"), "jvmm\n");
    }

    /** {@code bin} and the like become links into usr, as Debian's installer makes them. */
    private static void merge(Path tree) throws IOException {
        for (String name : MERGED) {
            Path old = tree.resolve(name);
            Path merged = tree.resolve("usr").resolve(name);
            Files.createDirectories(merged);
            if (Files.isDirectory(old, LinkOption.NOFOLLOW_LINKS)) {
                HostCommand.check(tree, List.of("cp", "-a", old + "/.", merged.toString()));
                DebianPackages.delete(old);
            }
            if (!Files.exists(old, LinkOption.NOFOLLOW_LINKS)) {
                Files.createSymbolicLink(old, Path.of("usr", name));
            }
        }
    }

    /** A busybox command where Debian has none; init is busybox's in any case. */
    private static void link(Path tree, String applet) throws IOException {
        for (String directory : List.of("usr/bin", "usr/sbin")) {
            if (Files.exists(tree.resolve(directory).resolve(applet), LinkOption.NOFOLLOW_LINKS)) {
                return;
            }
        }
        String directory = "init".equals(applet) ? "usr/sbin" : "usr/bin";
        Files.createSymbolicLink(tree.resolve(directory).resolve(applet), Path.of("../bin/busybox"));
    }

    private static void script(Path tree, String path, String resource, boolean executable) throws IOException {
        Path file = tree.resolve(path);
        Files.deleteIfExists(file);
        Files.write(file, resource(resource));
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(executable ? "rwxr-xr-x" : "rw-r--r--"));
    }

    /**
     * An ordinary user's files become root's in the image, since in a user namespace of theirs they are root's.
     */
    private static void format(String mke2fs, Path tree, Path image) throws IOException {
        List<String> command = new ArrayList<>();
        if (!Integer.valueOf(0).equals(Files.getAttribute(tree, "unix:uid"))) {
            command.addAll(List.of("unshare", "--user", "--map-root-user"));
        }
        command.addAll(List.of(
                mke2fs,
                "-q",
                "-t",
                "ext4",
                "-L",
                "jvmm-root",
                "-m",
                "0",
                "-d",
                tree.toString(),
                image.toString(),
                SIZE));
        HostCommand.check(tree, command);
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream in = DebianRoot.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IOException("the guest's " + name + " is missing from the jar: build it again");
            }
            return in.readAllBytes();
        }
    }

    /** {@code DIRECTORY}: writes {@code vmlinuz}, {@code initrd.img} and {@code disk.img} there. */
    static void main(String[] args) {
        if (Words.askForHelp(args)) {
            System.out.print(HELP);
            return;
        }
        Words.fault("jvmm-debian-root", args, 1, 1).ifPresent(fault -> {
            System.err.println(fault);
            System.exit(2);
        });
        try {
            // The commands that fill it run elsewhere.
            Path directory = Files.createDirectories(Path.of(args[0])).toAbsolutePath();
            DebianPackages packages =
                    new DebianPackages(DebianPackages.standardCache(System.getenv()), System.err::println);
            DebianRoot root = new DebianRoot(packages);
            Path disk = directory.resolve("disk.img");
            if (Files.exists(disk)) {
                throw new FileAlreadyExistsException(disk.toString());
            }
            Files.copy(
                    new DebianKernel(packages).vmlinuz(DebianKernel.Flavour.CLOUD),
                    directory.resolve("vmlinuz"),
                    StandardCopyOption.REPLACE_EXISTING);
            root.writeInitrd(directory.resolve("initrd.img"));
            HostCommand.check(
                    directory, List.of("cp", "--sparse=always", root.disk().toString(), disk.toString()));
            System.out.println(directory);
        } catch (FileAlreadyExistsException e) {
            System.err.println(e.getFile() + " exists already. Remove it, or name another directory");
            System.exit(2);
        } catch (IOException e) {
            System.err.println(e.getMessage());
            System.exit(3);
        }
    }
}
