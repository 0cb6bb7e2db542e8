package io.jvmm.device.platform;

import org.agrona.concurrent.AtomicBuffer;

/**
 * What the PC's set-up program leaves in CMOS RAM, so that firmware finds memory and processors without asking anyone:
 * the IBM AT bytes, and the extensions that SeaBIOS and QEMU agreed on for memory beyond them.
 *
 * <pre>
 *   0F      shutdown status, 00 = normal boot
 *   14      equipment: 02 mathematics coprocessor
 *   15, 16  base memory in KiB, 640
 *   17, 18  memory above 1 MiB in KiB, at most 65535; again in 30, 31
 *   2E, 2F  sum of 10 to 2D, high byte first
 *   34, 35  memory from 16 MiB to 4 GiB in 64 KiB
 *   10, 12  kinds of floppy and fixed disks, 00 = none: virtio's are found on PCI
 *   38, 3D  boot order, a nibble a choice, in 3D bits 3:0, 3D 7:4, 38 7:4: 0 none, 1 floppy, 2 disk, 3 CD, 4 network; 38 bit 0
 *           lets a floppy without signature boot. Disk, then network
 *   5B..5D  memory above 4 GiB in 64 KiB
 *   5F      number of processors minus one
 * </pre>
 */
final class CmosMemory {
    /** Guest RAM reaches up to here before the hole for devices; the rest lies from 4 GiB on. */
    static final long LOW_MEMORY_LIMIT = 0xC000_0000L;

    private static final long MIB = 1L << 20;

    private static final int BOOT_DISK = 2;
    private static final int BOOT_NETWORK = 4;

    private CmosMemory() {}

    /** Writes the bytes above for a machine of this size; leaves the clock alone. */
    static void describe(AtomicBuffer state, long memoryBytes, int vcpus) {
        long low = Math.min(memoryBytes, LOW_MEMORY_LIMIT);
        long high = memoryBytes - low;
        put(state, 0x14, 0x02);
        putWord(state, 0x15, 640);
        long extendedKib = Math.clamp((low - MIB) / 1024, 0, 0xFFFF);
        putWord(state, 0x17, extendedKib);
        putWord(state, 0x30, extendedKib);
        putWord(state, 0x34, Math.clamp((low - 16 * MIB) / 65_536, 0, 0xFFFF));
        put(state, 0x38, 0x00);
        put(state, 0x3D, BOOT_DISK | BOOT_NETWORK << 4);
        long highUnits = Math.clamp(high / 65_536, 0, 0xFF_FFFF);
        putWord(state, 0x5B, highUnits & 0xFFFF);
        put(state, 0x5D, (int) (highUnits >> 16));
        put(state, 0x5F, Math.clamp(vcpus - 1, 0, 0xFF));
        int sum = 0;
        for (int i = 0x10; i <= 0x2D; i++) {
            sum += state.getByte(PlatformStateLayout.CMOS + i) & 0xFF;
        }
        put(state, 0x2E, sum >> 8);
        put(state, 0x2F, sum);
    }

    private static void putWord(AtomicBuffer state, int index, long value) {
        put(state, index, (int) value);
        put(state, index + 1, (int) (value >> 8));
    }

    private static void put(AtomicBuffer state, int index, int value) {
        state.putByte(PlatformStateLayout.CMOS + index, (byte) value);
    }
}
