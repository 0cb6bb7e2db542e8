package io.jvmm.supervisor.demo;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;

/** Debian's stock kernels: real guests that nobody here wrote. */
public final class DebianKernel {
    /** Which of Debian's kernels; each is a meta package that depends on the kernel of the day. */
    public enum Flavour {
        /** For virtual machines: few drivers. */
        CLOUD("linux-image-cloud-amd64"),
        /** For every PC. */
        FULL("linux-image-amd64"),
        /** The same with PREEMPT_RT. */
        RT("linux-image-rt-amd64");

        private final String metaPackage;

        Flavour(String metaPackage) {
            this.metaPackage = metaPackage;
        }

        String metaPackage() {
            return metaPackage;
        }

        /** {@code cloud} */
        String word() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    private static final String HELP = """
            Usage: jvmm-debian-kernel [FLAVOUR [LINK]]

            Prints where Debian's stock kernel is on this machine, after fetching it by apt-get download into a cache. Nothing
            is installed and no privilege is needed.

            FLAVOUR   cloud (the standard), full, rt
            LINK      a symbolic link to make to it; it must not exist yet

            Example
              jvmm-debian-kernel cloud vmlinuz      then in vm.toml: [boot] kernel = "vmlinuz"

            Exit status: 0 done; 2 wrong words, or LINK exists; 3 apt could not give it.
            """;

    private final DebianPackages packages;

    /** Kernels from {@code packages}. */
    public DebianKernel(DebianPackages packages) {
        this.packages = packages;
    }

    /**
     * The kernel image (a bzImage), downloaded unless it is in the cache.
     *
     * @throws IOException with one line that says what to do: apt is missing, has no package lists, or cannot download
     */
    public Path vmlinuz(Flavour flavour) throws IOException {
        return packages.file(packages.behind(flavour.metaPackage), "boot/vmlinuz-", "vmlinuz");
    }

    /**
     * {@code [cloud|full|rt] [LINK]}: prints where the kernel is; with a second argument, makes that a symbolic link to it.
     */
    static void main(String[] args) {
        if (Words.askForHelp(args)) {
            System.out.print(HELP);
            return;
        }
        Words.fault("jvmm-debian-kernel", args, 0, 2).ifPresent(fault -> {
            System.err.println(fault);
            System.exit(2);
        });
        try {
            Path image = of(flavour(args.length > 0 ? args[0] : "cloud"));
            if (args.length > 1) {
                Files.createSymbolicLink(Path.of(args[1]), image);
            }
            System.out.println(image);
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.exit(2);
        } catch (FileAlreadyExistsException e) {
            System.err.println(e.getFile() + " exists already");
            System.exit(2);
        } catch (IOException e) {
            System.err.println(e.getMessage());
            System.exit(3);
        }
    }

    private static Path of(Flavour flavour) throws IOException {
        DebianPackages packages =
                new DebianPackages(DebianPackages.standardCache(System.getenv()), System.err::println);
        return new DebianKernel(packages).vmlinuz(flavour);
    }

    private static Flavour flavour(String word) {
        return Arrays.stream(Flavour.values())
                .filter(f -> f.word().equals(word))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("\"" + word + "\" is no kernel of Debian's. Say "
                        + Arrays.stream(Flavour.values()).map(Flavour::word).collect(Collectors.joining(" or "))
                        + ", and then perhaps the name of a link to make."));
    }
}
