package io.jvmm.device.net;

import static io.jvmm.device.net.NetStateLayout.TABLE_ENTRIES;
import static io.jvmm.device.net.NetStateLayout.offset;

import io.jvmm.device.api.StateRejectedException;
import java.nio.ByteOrder;
import org.agrona.concurrent.AtomicBuffer;

/** A view of the state buffer; see {@link NetStateLayout}. Holds nothing itself. */
final class NetState {

    static final int LINK_UP = 1;
    static final int ANNOUNCE = 2;

    /** Bits of {@link #rxMode}: the commands of class VIRTIO_NET_CTRL_RX by their number (§5.1.6.5.1). */
    static final int PROMISC = 1;

    static final int ALLMULTI = 1 << 1;
    static final int ALLUNI = 1 << 2;
    static final int NOMULTI = 1 << 3;
    static final int NOUNI = 1 << 4;
    static final int NOBCAST = 1 << 5;
    static final int RX_MODES = 6;

    static final int UNICAST_OVERFLOW = 1;
    static final int MULTICAST_OVERFLOW = 2;

    private static final int MAC = offset("mac");
    private static final int GUEST_OFFLOADS = offset("guestOffloads");
    private static final int STATUS = offset("status");
    private static final int PAIRS = offset("pairs");
    private static final int RX_MODE = offset("rxMode");
    private static final int OVERFLOW = offset("overflow");
    private static final int UNICASTS = offset("unicasts");
    private static final int MULTICASTS = offset("multicasts");
    private static final int UNICAST = offset("unicast");
    private static final int MULTICAST = offset("multicast");
    private static final int VLAN = offset("vlan");
    private static final int COUNTERS = offset("counters");
    private static final long MAC_BITS = (1L << 48) - 1;

    private final AtomicBuffer buffer;

    NetState(AtomicBuffer buffer) {
        this.buffer = buffer;
    }

    /** As after a reset; the link and the counters stay. */
    void reset(long mac) {
        int link = status() & LINK_UP;
        buffer.setMemory(0, COUNTERS, (byte) 0);
        mac(mac);
        status(link);
        pairs(1);
        rxMode(PROMISC); // until the driver filters, so that one without a control queue receives multicast, too
    }

    /**
     * Checks an adopted state.
     *
     * @throws StateRejectedException naming a field no running device leaves so
     */
    void validate(NetConfig config, long offered) {
        check("mac", mac(), (mac() & ~MAC_BITS) == 0 && NetConfig.isUnicast(mac()));
        long allowed = NetFeatures.GUEST_OFFLOADS & offered;
        check("guestOffloads", guestOffloads(), (guestOffloads() & ~allowed) == 0);
        check("status", status(), (status() & ~(LINK_UP | ANNOUNCE)) == 0);
        check("pairs", pairs(), pairs() >= 1 && pairs() <= config.pairs());
        check("rxMode", rxMode(), rxMode() < 1 << RX_MODES);
        check("overflow", overflow(), overflow() < 4);
        check("unicasts", unicasts(), unicasts() <= TABLE_ENTRIES);
        check("multicasts", multicasts(), multicasts() <= TABLE_ENTRIES);
        for (int i = 0; i < TABLE_ENTRIES; i++) {
            check("unicast", unicast(i), (unicast(i) & ~MAC_BITS) == 0);
            check("multicast", multicast(i), (multicast(i) & ~MAC_BITS) == 0);
        }
    }

    private static void check(String field, long value, boolean allowed) {
        if (!allowed) {
            throw new StateRejectedException("net: " + field + " is 0x" + Long.toHexString(value));
        }
    }

    long mac() {
        return buffer.getLong(MAC, ByteOrder.LITTLE_ENDIAN);
    }

    void mac(long mac) {
        buffer.putLong(MAC, mac, ByteOrder.LITTLE_ENDIAN);
    }

    long guestOffloads() {
        return buffer.getLong(GUEST_OFFLOADS, ByteOrder.LITTLE_ENDIAN);
    }

    void guestOffloads(long bits) {
        buffer.putLong(GUEST_OFFLOADS, bits, ByteOrder.LITTLE_ENDIAN);
    }

    int status() {
        return buffer.getShort(STATUS, ByteOrder.LITTLE_ENDIAN) & 0xFFFF;
    }

    void status(int bits) {
        buffer.putShort(STATUS, (short) bits, ByteOrder.LITTLE_ENDIAN);
    }

    int pairs() {
        return buffer.getShort(PAIRS, ByteOrder.LITTLE_ENDIAN) & 0xFFFF;
    }

    void pairs(int count) {
        buffer.putShort(PAIRS, (short) count, ByteOrder.LITTLE_ENDIAN);
    }

    int rxMode() {
        return buffer.getByte(RX_MODE) & 0xFF;
    }

    void rxMode(int bits) {
        buffer.putByte(RX_MODE, (byte) bits);
    }

    int overflow() {
        return buffer.getByte(OVERFLOW) & 0xFF;
    }

    int unicasts() {
        return buffer.getByte(UNICASTS) & 0xFF;
    }

    int multicasts() {
        return buffer.getByte(MULTICASTS) & 0xFF;
    }

    long unicast(int index) {
        return buffer.getLong(UNICAST + index * Long.BYTES, ByteOrder.LITTLE_ENDIAN);
    }

    long multicast(int index) {
        return buffer.getLong(MULTICAST + index * Long.BYTES, ByteOrder.LITTLE_ENDIAN);
    }

    /** Empties both tables. */
    void clearTables() {
        buffer.setMemory(UNICAST, VLAN - UNICAST, (byte) 0);
        buffer.putByte(UNICASTS, (byte) 0);
        buffer.putByte(MULTICASTS, (byte) 0);
        buffer.putByte(OVERFLOW, (byte) 0);
    }

    /** There is room for {@link NetStateLayout#TABLE_ENTRIES}. */
    void addUnicast(long mac) {
        int count = unicasts();
        buffer.putLong(UNICAST + count * Long.BYTES, mac, ByteOrder.LITTLE_ENDIAN);
        buffer.putByte(UNICASTS, (byte) (count + 1));
    }

    /** As {@link #addUnicast}. */
    void addMulticast(long mac) {
        int count = multicasts();
        buffer.putLong(MULTICAST + count * Long.BYTES, mac, ByteOrder.LITTLE_ENDIAN);
        buffer.putByte(MULTICASTS, (byte) (count + 1));
    }

    /** There were more addresses of a kind than fit. */
    void overflow(int bit) {
        buffer.putByte(OVERFLOW, (byte) (overflow() | bit));
    }

    /** Whether frames of a VLAN are wanted; {@code vid} 0..4095. */
    boolean vlan(int vid) {
        return (buffer.getByte(VLAN + (vid >> 3)) >> (vid & 7) & 1) != 0;
    }

    void vlan(int vid, boolean wanted) {
        int at = VLAN + (vid >> 3);
        int bit = 1 << (vid & 7);
        int old = buffer.getByte(at);
        buffer.putByte(at, (byte) (wanted ? old | bit : old & ~bit));
    }

    long counter(NetCounter counter) {
        return buffer.getLong(place(counter), ByteOrder.LITTLE_ENDIAN);
    }

    void count(NetCounter counter, long more) {
        int at = place(counter);
        buffer.putLong(at, buffer.getLong(at, ByteOrder.LITTLE_ENDIAN) + more, ByteOrder.LITTLE_ENDIAN);
    }

    @SuppressWarnings("EnumOrdinal") // the order of the counters is that of the segment, and their page says so
    private static int place(NetCounter counter) {
        return COUNTERS + counter.ordinal() * Long.BYTES;
    }
}
