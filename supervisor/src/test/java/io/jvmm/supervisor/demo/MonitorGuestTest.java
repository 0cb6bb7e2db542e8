package io.jvmm.supervisor.demo;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

/** The file; what the guest does is tested by booting it (integration-tests). */
class MonitorGuestTest {
    private static final int PT_LOAD = 1;
    private static final int PT_NOTE = 4;

    @Test
    void imageIsTheSameEachTime() {
        assertArrayEquals(
                MonitorGuest.image(MonitorGuest.Entry.LINUX_64), MonitorGuest.image(MonitorGuest.Entry.LINUX_64));
    }

    /** System V ABI, chapters 4 and 5. */
    @Test
    void elfHeaders() {
        ByteBuffer elf = elf(MonitorGuest.Entry.LINUX_64);
        assertEquals(0x464c457f, elf.getInt(0));
        assertEquals(2, elf.get(4), "64 bits");
        assertEquals(62, elf.getShort(18), "x86-64");
        assertEquals(1, elf.getShort(56), "program headers");
        int load = (int) elf.getLong(32);
        assertEquals(PT_LOAD, elf.getInt(load));
        long offset = elf.getLong(load + 8);
        long address = elf.getLong(load + 24);
        long fileBytes = elf.getLong(load + 32);
        long memoryBytes = elf.getLong(load + 40);
        assertEquals(elf.capacity(), offset + fileBytes);
        assertTrue(memoryBytes > fileBytes, "zeroed data");
        long entry = elf.getLong(24);
        assertTrue(entry >= address && entry < address + fileBytes);
        assertEquals((byte) 0xfa, elf.get((int) (entry - address + offset)), "cli");
    }

    /** XEN_ELFNOTE_PHYS32_ENTRY, what QEMU and others look for. */
    @Test
    void pvhNote() {
        ByteBuffer elf = elf(MonitorGuest.Entry.PVH);
        assertEquals(2, elf.getShort(56), "program headers");
        int header = (int) elf.getLong(32) + 56;
        assertEquals(PT_NOTE, elf.getInt(header));
        int note = (int) elf.getLong(header + 8);
        assertEquals(4, elf.getInt(note));
        assertEquals(18, elf.getInt(note + 8));
        assertEquals(0x006e6558, elf.getInt(note + 12), "Xen");
        assertEquals(0x200000, elf.getInt(note + 16));
    }

    private static ByteBuffer elf(MonitorGuest.Entry entry) {
        return ByteBuffer.wrap(MonitorGuest.image(entry)).order(ByteOrder.LITTLE_ENDIAN);
    }
}
