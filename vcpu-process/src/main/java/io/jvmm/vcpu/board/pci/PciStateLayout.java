package io.jvmm.vcpu.board.pci;

import io.jvmm.vcpu.board.PciMap;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.agrona.DirectBuffer;

/**
 * PCI in the machine's state segment, version 2 of that, little-endian.
 *
 * <pre>
 *     0  CONFIG_ADDRESS u32 | 4 zero u32
 *     8  for each of 32 slots: MSI-X lines u16, 0 where nothing is plugged
 *    72  configuration space of the host bridge, 256 bytes
 *   328  that of the ISA bridge
 *   584  for each slot that has lines n, ascending:
 *          0  vectors declared u32, 0 before the guest has begun | 4 INTx asserted by the device u8 | zero 3 x u8
 *          8  configuration space, 256 bytes (zeros before the guest has begun)
 *        264  MSI-X table, n x {address u32, upper address u32, data u32, control u32}
 *          +  pending bits, u64 for each 64 vectors or part of 64
 * </pre>
 */
public final class PciStateLayout {
    static final int FIXED_BYTES = 584;
    static final int LINES = 8;
    static final int SLOT_BYTES = 264;

    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private PciStateLayout() {}

    static int pendingWords(int lines) {
        return (lines + Long.SIZE - 1) / Long.SIZE;
    }

    /** Of one plugged slot. */
    static int slotBytes(int lines) {
        return SLOT_BYTES + lines * Msix.ENTRY_BYTES + pendingWords(lines) * Long.BYTES;
    }

    /**
     * The names of a part that somebody has saved; what it says of its slots is hostile.
     *
     * @throws IllegalArgumentException when it is not as long as it says
     */
    public static StructLayout of(DirectBuffer part) {
        final List<MemoryLayout> fields = new ArrayList<>();
        fields.add(U32.withName("CONFIG_ADDRESS"));
        fields.add(MemoryLayout.paddingLayout(Integer.BYTES));
        fields.add(MemoryLayout.sequenceLayout(PciMap.SLOTS, U16).withName("lines"));
        fields.add(config().withName("bridge"));
        fields.add(config().withName("isaBridge"));
        long length = FIXED_BYTES;
        for (int slot = 0; slot < PciMap.SLOTS && part.capacity() >= FIXED_BYTES; slot++) {
            final int lines = part.getShort(LINES + slot * Short.BYTES, ByteOrder.LITTLE_ENDIAN) & 0xFFFF;
            if (lines != 0) {
                fields.add(slot(lines).withName("slot" + slot));
                length += slotBytes(lines);
            }
        }
        if (length != part.capacity()) {
            throw new IllegalArgumentException("machine's state: PCI has " + part.capacity() + " bytes, not " + length);
        }
        return MemoryLayout.structLayout(fields.toArray(MemoryLayout[]::new));
    }

    private static MemoryLayout slot(int lines) {
        final StructLayout entry = MemoryLayout.structLayout(
                U32.withName("address"), U32.withName("upper"), U32.withName("data"), U32.withName("control"));
        return MemoryLayout.structLayout(
                U32.withName("vectors"),
                ValueLayout.JAVA_BYTE.withName("intx"),
                MemoryLayout.paddingLayout(3),
                config().withName("config"),
                MemoryLayout.sequenceLayout(lines, entry).withName("msix"),
                MemoryLayout.sequenceLayout(pendingWords(lines), U64).withName("pending"));
    }

    private static MemoryLayout config() {
        return MemoryLayout.structLayout(
                U16.withName("vendor"),
                U16.withName("device"),
                U16.withName("command"),
                U16.withName("status"),
                U32.withName("classAndRevision"),
                U32.withName("line"),
                MemoryLayout.sequenceLayout(6, U32).withName("bar"),
                MemoryLayout.sequenceLayout((ConfigSpace.LENGTH_BYTES - 40) / Integer.BYTES, U32)
                        .withName("from28"));
    }
}
