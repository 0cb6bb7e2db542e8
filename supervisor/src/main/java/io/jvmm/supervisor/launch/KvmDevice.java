package io.jvmm.supervisor.launch;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Optional;

/**
 * The host's KVM, as far as this user may have it. Whether it can run the guest only the vCPU process finds out.
 *
 * @param fd open for reading and writing, the caller's to close; empty when it cannot be had
 * @param obstacle why not, in a few words; empty when it can
 */
public record KvmDevice(Optional<Fd> fd, String obstacle) {
    private static final Path PATH = Path.of("/dev/kvm");

    /** For a machine that can do without it. */
    public static KvmDevice look() {
        try {
            return new KvmDevice(Optional.of(FileIo.open(PATH, FileIo.READ_WRITE, 0)), "");
        } catch (SysException e) {
            return new KvmDevice(Optional.empty(), obstacle(e));
        }
    }

    /** For a machine that needs it: the device, or a sentence that says how to get it. */
    static Fd open() throws HostLackException {
        try {
            return FileIo.open(PATH, FileIo.READ_WRITE, 0);
        } catch (SysException e) {
            throw new HostLackException(
                    obstacle(e) + cure(e)
                            + " Or do without: engine = \"auto\" in [machine] takes the software processor.",
                    e);
        }
    }

    private static String obstacle(SysException e) {
        return switch (e) {
            case SysException.Missing _ -> "there is no " + PATH;
            case SysException.Denied _ -> PATH + " may not be used by this user";
            default -> PATH + " cannot be opened: " + e.getMessage();
        };
    }

    private static String cure(SysException e) {
        return switch (e) {
            case SysException.Missing _ ->
                ". Load the module (modprobe kvm_intel, or kvm_amd), or switch on virtualization in the firmware or in the"
                        + " surrounding hypervisor.";
            case SysException.Denied _ -> ". Mend it as root: " + permit();
            default -> ".";
        };
    }

    /** Most systems give the device to a group; some containers give it to root alone. */
    private static String permit() {
        String user = System.getProperty("user.name", "USER");
        try {
            PosixFileAttributes kvm = Files.readAttributes(PATH, PosixFileAttributes.class);
            if (kvm.permissions().contains(PosixFilePermission.GROUP_WRITE)) {
                return "usermod -aG " + kvm.group().getName() + " " + user + ", and log in anew.";
            }
        } catch (IOException e) {
            return "ls -l " + PATH + " shows who may.";
        }
        return "setfacl -m u:" + user + ":rw " + PATH + ".";
    }
}
