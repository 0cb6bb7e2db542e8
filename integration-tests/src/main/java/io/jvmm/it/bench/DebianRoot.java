package io.jvmm.it.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A Debian root file system with systemd, made by debootstrap from this machine's own apt sources and packed as an initial ram
 * disk; kept in the cache directory, since it takes minutes. After its multi-user target it prints {@link #MARKER}, the units that
 * have failed, {@link #END}, and powers off. Needs root, debootstrap and cpio.
 */
final class DebianRoot {
    /** Begins the line that a unit behind {@code multi-user.target} prints. */
    static final String MARKER = "=== multi-user after ";
    /** Ends the list of failed units. */
    static final String END = "=== end of failed units";
    /** RAM for the archive and the tree unpacked from it. */
    static final int MEMORY_MB = 1536;

    private static final String SUITE = "bookworm";
    private static final long PATIENCE_S = 1200;

    /** {@code $1} is where, {@code $2} the suite: the script that makes the tree. */
    private static final String BUILD = """
            set -eu
            source=$(apt-get indextargets --format '$(REPO_URI)' "Created-By: Packages" "Origin: Debian" "Codename: $2" | head -n 1)
            debootstrap --variant=minbase --include=systemd,systemd-sysv,udev,dbus "$2" "$1" "$source" >&2
            cd "$1"
            rm -rf var/cache/apt/* var/lib/apt/lists/* usr/share/doc/* usr/share/man/* usr/share/locale/* var/log/bootstrap.log
            rm -f etc/resolv.conf etc/apt/sources.list
            echo guest >etc/hostname
            echo '127.0.0.1 localhost guest' >etc/hosts
            : >etc/fstab
            : >etc/machine-id
            sed -i 's/^root:[^:]*:/root::/' etc/shadow
            ln -sf sbin/init init
            ln -sf /lib/systemd/system/multi-user.target etc/systemd/system/default.target
            mkdir -p etc/systemd/system/multi-user.target.wants
            ln -sf ../marker.service etc/systemd/system/multi-user.target.wants/marker.service
            """;

    private static final String PACK = """
            set -eu
            cd "$1"
            find . -xdev | LC_ALL=C sort | cpio --quiet -o -H newc >"$2"
            """;

    private static final String UNIT = """
            [Unit]
            Description=Tells that the machine is up
            After=multi-user.target
            [Service]
            Type=oneshot
            StandardOutput=tty
            TTYPath=/dev/ttyS0
            ExecStart=/usr/local/bin/marker
            [Install]
            WantedBy=multi-user.target
            """;

    private static final String PROGRAM = """
            #!/bin/bash
            read -r up idle </proc/uptime
            echo "
            %s$up s"
            systemctl --no-pager --no-legend --plain --failed
            echo "%s"
            systemctl poweroff --no-block
            """.formatted(MARKER, END);

    private DebianRoot() {}

    /**
     * The archive, made unless it is in {@code cache}.
     *
     * @throws IOException with what to do about it
     */
    static Path initrd(Path cache) throws IOException, InterruptedException {
        Path archive = cache.resolve("debian-root-" + SUITE + ".cpio");
        if (Files.isRegularFile(archive)) {
            return archive;
        }
        for (String program : List.of("debootstrap", "cpio")) {
            if (!ExitBench.onPath(program)) {
                throw new IOException("not installed: apt-get install debootstrap cpio");
            }
        }
        if (!"root".equals(System.getProperty("user.name"))) {
            throw new IOException("debootstrap makes a root file system as root only");
        }
        System.err.println("making a Debian root file system with debootstrap (once; kept in " + cache + ")");
        Files.createDirectories(cache);
        Path scratch = Files.createTempDirectory(cache, "root-");
        Path log = cache.resolve("debian-root.log");
        try {
            Path tree = Files.createDirectory(scratch.resolve("tree"));
            run(log, "sh", "-c", BUILD, "build", tree.toString(), SUITE);
            Files.writeString(tree.resolve("etc/systemd/system/marker.service"), UNIT);
            Path program = Files.writeString(tree.resolve("usr/local/bin/marker"), PROGRAM);
            run(log, "chmod", "755", program.toString(), tree.toString());
            Path packed = scratch.resolve("packed");
            run(log, "sh", "-c", PACK, "pack", tree.toString(), packed.toString());
            Files.move(packed, archive);
        } finally {
            run(log, "rm", "-rf", "--one-file-system", scratch.toString());
        }
        // It names where the packages came from; of use only when something has gone wrong.
        Files.delete(log);
        return archive;
    }

    private static void run(Path log, String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
                .start();
        if (!process.waitFor(PATIENCE_S, TimeUnit.SECONDS) || process.exitValue() != 0) {
            process.destroyForcibly();
            throw new IOException(command[0] + " failed; see " + log);
        }
    }
}
