package io.jvmm.supervisor.demo;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Wraps a program in an ELF64 executable: one loadable segment, physical address = virtual address, and where the
 * program has a PVH entry the note that names it (System V ABI, chapter 5; Xen, {@code XEN_ELFNOTE_PHYS32_ENTRY}).
 */
final class GuestElf {
    private static final int HEADER_BYTES = 64;
    private static final int PROGRAM_HEADER_BYTES = 56;
    /** File offset of the segment; a page, so that offset and address agree modulo the alignment. */
    private static final int SEGMENT_OFFSET = 0x1000;

    private static final int TYPE_EXECUTABLE = 2;
    private static final int MACHINE_X86_64 = 62;
    private static final int SEGMENT_LOAD = 1;
    private static final int SEGMENT_NOTE = 4;
    private static final int READ_WRITE_EXECUTE = 7;
    private static final int READ = 4;
    private static final int NOTE_PHYS32_ENTRY = 18;

    private GuestElf() {}

    /**
     * @param origin address of the first byte of the program
     * @param program code and initialised data
     * @param zeroedBytes bytes of memory behind it that start as zero
     * @param entry 64-bit entry point
     * @param pvhEntry 32-bit entry point, or null for none
     */
    static byte[] write(long origin, byte[] program, int zeroedBytes, long entry, @Nullable Long pvhEntry) {
        byte[] note = pvhEntry == null ? new byte[0] : note(pvhEntry);
        ByteBuffer out = ByteBuffer.allocate(SEGMENT_OFFSET + program.length).order(ByteOrder.LITTLE_ENDIAN);
        out.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1, 0}).putLong(0);
        out.putShort((short) TYPE_EXECUTABLE).putShort((short) MACHINE_X86_64).putInt(1);
        out.putLong(entry).putLong(HEADER_BYTES).putLong(0).putInt(0);
        out.putShort((short) HEADER_BYTES).putShort((short) PROGRAM_HEADER_BYTES);
        out.putShort((short) (note.length == 0 ? 1 : 2));
        out.putShort((short) 64).putShort((short) 0).putShort((short) 0);
        programHeader(
                out,
                SEGMENT_LOAD,
                READ_WRITE_EXECUTE,
                SEGMENT_OFFSET,
                origin,
                program.length,
                program.length + (long) zeroedBytes,
                SEGMENT_OFFSET);
        if (note.length > 0) {
            int noteOffset = HEADER_BYTES + 2 * PROGRAM_HEADER_BYTES;
            programHeader(out, SEGMENT_NOTE, READ, noteOffset, 0, note.length, note.length, 4);
            out.put(note);
        }
        out.position(SEGMENT_OFFSET);
        out.put(program);
        return out.array();
    }

    private static void programHeader(
            ByteBuffer out,
            int type,
            int flags,
            long offset,
            long address,
            long fileBytes,
            long memoryBytes,
            long align) {
        out.putInt(type).putInt(flags).putLong(offset).putLong(address).putLong(address);
        out.putLong(fileBytes).putLong(memoryBytes).putLong(align);
    }

    private static byte[] note(long pvhEntry) {
        byte[] name = "Xen\0".getBytes(StandardCharsets.US_ASCII);
        return ByteBuffer.allocate(12 + name.length + 4)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(name.length)
                .putInt(4)
                .putInt(NOTE_PHYS32_ENTRY)
                .put(name)
                .putInt((int) pvhEntry)
                .array();
    }
}
