package io.jvmm.device.net;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The state of a network function, version 1, little-endian.
 *
 * <pre>
 *    0  mac           u64   first byte in bits 40..47
 *    8  guestOffloads u64   GUEST_ feature bits in force
 *   16  status        u16   VIRTIO_NET_S_LINK_UP 1, VIRTIO_NET_S_ANNOUNCE 2
 *   18  pairs         u16   queue pairs in use
 *   20  rxMode        u8    bit n: command n of class VIRTIO_NET_CTRL_RX is on
 *   21  overflow      u8    bit 0: more unicast addresses than fit, bit 1: more multicast
 *   22  unicasts      u8    addresses in the tables
 *   23  multicasts    u8
 *   24  unicast       64 x u64
 *  536  multicast     64 x u64
 * 1048  vlan          512 bytes: bit VID is on when its frames are wanted
 * 1560  (0)           16 bytes
 * 1576  counters      u64 each, see {@link NetCounter}
 * </pre>
 */
final class NetStateLayout {

    static final int VERSION = 1;
    /** Addresses of each kind a table holds; with more the device takes all of that kind. */
    static final int TABLE_ENTRIES = 64;

    static final int VLANS = 4096;

    private static final ValueLayout.OfShort U16 = ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** The whole of it. */
    static final StructLayout STATE_V1 = MemoryLayout.structLayout(
            U64.withName("mac"),
            U64.withName("guestOffloads"),
            U16.withName("status"),
            U16.withName("pairs"),
            JAVA_BYTE.withName("rxMode"),
            JAVA_BYTE.withName("overflow"),
            JAVA_BYTE.withName("unicasts"),
            JAVA_BYTE.withName("multicasts"),
            MemoryLayout.sequenceLayout(TABLE_ENTRIES, U64).withName("unicast"),
            MemoryLayout.sequenceLayout(TABLE_ENTRIES, U64).withName("multicast"),
            MemoryLayout.sequenceLayout(VLANS / Byte.SIZE, JAVA_BYTE).withName("vlan"),
            MemoryLayout.paddingLayout(4 * Integer.BYTES),
            MemoryLayout.structLayout(counters()).withName("counters"));

    static final int LENGTH_BYTES = Math.toIntExact(STATE_V1.byteSize());

    private NetStateLayout() {}

    private static MemoryLayout[] counters() {
        return Arrays.stream(NetCounter.values())
                .map(counter -> U64.withName(counter.name()))
                .toArray(MemoryLayout[]::new);
    }

    /** Where a field lies; called while classes initialise only. */
    static int offset(String field) {
        return Math.toIntExact(STATE_V1.byteOffset(PathElement.groupElement(field)));
    }
}
