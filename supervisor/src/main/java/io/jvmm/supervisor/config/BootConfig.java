package io.jvmm.supervisor.config;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What the machine starts with.
 *
 * @param kernel an image the loaders of the vCPU process know; this process never parses it
 * @param firmware whether that image is a PC's firmware, and no kernel
 * @param initrd initial ram disk
 * @param cmdline at most {@link #LONGEST_CMDLINE} bytes of UTF-8, no control characters
 * @param onReset what a reset by the guest does
 */
public record BootConfig(Path kernel, boolean firmware, Optional<Path> initrd, String cmdline, OnReset onReset) {
    /** x86 Linux keeps 2048 bytes, one of them the end mark. */
    public static final int LONGEST_CMDLINE = 2047;

    /** What a reset by the guest does. */
    public enum OnReset implements Word {
        /** A fresh machine is started from the same configuration, as the button on a PC does. */
        RESTART,
        /** The supervisor ends with exit code 0. */
        EXIT
    }

    public BootConfig {
        if (firmware && (initrd.isPresent() || !cmdline.isEmpty())) {
            throw new IllegalArgumentException("firmware takes no initial ram disk and no command line.");
        }
        checkCmdline(cmdline);
    }

    static void checkCmdline(String cmdline) {
        int length = cmdline.getBytes(StandardCharsets.UTF_8).length;
        if (length > LONGEST_CMDLINE) {
            throw new IllegalArgumentException(
                    length + " bytes are more than a kernel takes (" + LONGEST_CMDLINE + "). Shorten it.");
        }
        if (cmdline.chars().anyMatch(Character::isISOControl)) {
            throw new IllegalArgumentException(
                    "a control character in it would end the line for the kernel. Remove it.");
        }
    }
}
