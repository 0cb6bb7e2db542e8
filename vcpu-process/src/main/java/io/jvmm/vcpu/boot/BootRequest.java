package io.jvmm.vcpu.boot;

import io.jvmm.vcpu.board.E820;
import org.jspecify.annotations.Nullable;

/**
 * What to boot, and into what.
 *
 * @param initrd null for none
 * @param commandLine as the configuration has it, without a terminating NUL
 * @param ram zero-filled memory of the size and layout that {@code map} tells
 * @param rsdp guest-physical address of the ACPI RSDP, 0 for none
 */
public record BootRequest(
        Image kernel,
        @Nullable Image initrd,
        String commandLine,
        E820 map,
        GuestRam ram,
        long rsdp,
        Protocol protocol) {

    /** How to enter an ELF kernel that offers more than one way. */
    public enum Protocol {
        /** Linux by its 64-bit protocol; anything else by PVH if it has that note, else in long mode at its entry. */
        AUTO,
        /** Long mode at the ELF entry with RSI = boot_params. */
        LONG_MODE,
        /** 32-bit protected mode at the address in the ELF's PVH note. */
        PVH
    }
}
