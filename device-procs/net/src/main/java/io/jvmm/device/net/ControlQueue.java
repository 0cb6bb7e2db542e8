package io.jvmm.device.net;

import io.jvmm.device.virtio.Chain;
import io.jvmm.device.virtio.VirtioHost;
import io.jvmm.device.virtio.Virtqueue;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The control virtqueue (virtio 1.2 §5.1.6.5): class, command and data in the readable part, one byte of answer in the
 * writable one. A command is carried out wholly or refused and without effect.
 */
final class ControlQueue {
    private static final int OK = 0;
    static final int ERR = 1;

    private static final int CLASS_RX = 0;
    private static final int CLASS_MAC = 1;
    private static final int MAC_TABLE_SET = 0;
    private static final int MAC_ADDR_SET = 1;
    private static final int CLASS_VLAN = 2;
    private static final int VLAN_ADD = 0;
    private static final int VLAN_DEL = 1;
    private static final int CLASS_ANNOUNCE = 3;
    private static final int CLASS_MQ = 4;
    private static final int CLASS_GUEST_OFFLOADS = 5;
    /** ANNOUNCE_ACK, MQ_VQ_PAIRS_SET and GUEST_OFFLOADS_SET are the first of their class. */
    private static final int ONLY_COMMAND = 0;

    private static final int CTRL_RX_COMMANDS = 2;
    private static final int HEADER_BYTES = 2;
    private static final int MAC_BYTES = 6;
    private static final int PIECE_BYTES = 64 * MAC_BYTES;

    private final VirtioHost host;
    private final NetCore device;
    private final NetState state;
    private final Chain chain;
    private final MemorySegment bytes = Arena.ofAuto().allocate(PIECE_BYTES, Long.BYTES);
    private final UnsafeBuffer view = new UnsafeBuffer(bytes.address(), PIECE_BYTES);

    ControlQueue(VirtioHost host, NetCore device, NetState state, Chain scratch) {
        this.host = host;
        this.device = device;
        this.state = state;
        this.chain = scratch;
    }

    /** Carries out commands; returns whether there may be more. */
    boolean service(Virtqueue queue, int mostCommands) {
        int count = 0;
        while (count < mostCommands && queue.pop(chain)) {
            if (chain.writableBytes() < 1) {
                host.guestError(NetCore.BAD_COMMAND, chain.readableBytes());
                queue.complete(chain.head(), 0);
            } else {
                int answer = command();
                state.count(answer == OK ? NetCounter.COMMANDS : NetCounter.COMMANDS_REFUSED, 1);
                view.putByte(0, (byte) answer);
                chain.write(0, bytes, 0, 1);
                queue.complete(chain.head(), 1);
            }
            count++;
        }
        if (count > 0) {
            queue.publish();
        }
        return count == mostCommands;
    }

    private int command() {
        if (chain.read(0, bytes, 0, HEADER_BYTES) < HEADER_BYTES) {
            return refuse(-1);
        }
        int type = view.getByte(0) & 0xFF;
        int command = view.getByte(1) & 0xFF;
        long data = chain.readableBytes() - HEADER_BYTES;
        boolean done = switch (type) {
            case CLASS_RX -> has(NetFeatures.CTRL_RX) && rx(command, data);
            case CLASS_MAC -> mac(command, data);
            case CLASS_VLAN -> has(NetFeatures.CTRL_VLAN) && vlan(command, data);
            case CLASS_ANNOUNCE -> has(NetFeatures.GUEST_ANNOUNCE) && announced(command);
            case CLASS_MQ -> has(NetFeatures.MQ) && pairs(command, data);
            case CLASS_GUEST_OFFLOADS -> has(NetFeatures.CTRL_GUEST_OFFLOADS) && offloads(command, data);
            default -> false;
        };
        return done ? OK : refuse(type << 8 | command);
    }

    private int refuse(int what) {
        host.guestError(NetCore.BAD_COMMAND, what);
        return ERR;
    }

    private boolean has(long feature) {
        return (host.features() & feature) != 0;
    }

    /** Reads {@code wanted} bytes of data into the beginning of the buffer. */
    private boolean data(long available, int wanted) {
        return available >= wanted && chain.read(HEADER_BYTES, bytes, 0, wanted) == wanted;
    }

    private boolean rx(int command, long available) {
        boolean known = command < CTRL_RX_COMMANDS || (command < NetState.RX_MODES && has(NetFeatures.CTRL_RX_EXTRA));
        if (!known || !data(available, 1)) {
            return false;
        }
        int bit = 1 << command;
        state.rxMode(view.getByte(0) != 0 ? state.rxMode() | bit : state.rxMode() & ~bit);
        return true;
    }

    private boolean mac(int command, long available) {
        return switch (command) {
            case MAC_TABLE_SET -> has(NetFeatures.CTRL_RX) && macTable(available);
            case MAC_ADDR_SET -> has(NetFeatures.CTRL_MAC_ADDR) && macAddress(available);
            default -> false;
        };
    }

    private boolean macAddress(long available) {
        if (!data(available, MAC_BYTES)) {
            return false;
        }
        long mac = mac(0);
        if (!NetConfig.isUnicast(mac)) {
            return false;
        }
        state.mac(mac);
        return true;
    }

    private long mac(int at) {
        return (view.getShort(at, ByteOrder.BIG_ENDIAN) & 0xFFFFL) << 32
                | (view.getInt(at + 2, ByteOrder.BIG_ENDIAN) & 0xFFFF_FFFFL);
    }

    /** Two tables, each behind its number of entries: unicast, then multicast. */
    private boolean macTable(long available) {
        long unicasts = entries(HEADER_BYTES, available);
        if (unicasts < 0) {
            return false;
        }
        long second = Integer.BYTES + unicasts * MAC_BYTES;
        long multicasts = entries(HEADER_BYTES + second, available - second);
        if (multicasts < 0) {
            return false;
        }
        state.clearTables();
        fill(HEADER_BYTES + Integer.BYTES, unicasts, true);
        fill(HEADER_BYTES + second + Integer.BYTES, multicasts, false);
        return true;
    }

    /** Number of entries of the table at a position, or -1 when the table is longer than the data. */
    private long entries(long position, long available) {
        if (available < Integer.BYTES || chain.read(position, bytes, 0, Integer.BYTES) < Integer.BYTES) {
            return -1;
        }
        long count = view.getInt(0, ByteOrder.LITTLE_ENDIAN) & 0xFFFF_FFFFL;
        return count * MAC_BYTES <= available - Integer.BYTES ? count : -1;
    }

    /** Of a table with too many entries the rest is not looked at: the filter lets all of the kind pass. */
    private void fill(long position, long count, boolean unicast) {
        int first = (int) Math.min(count, NetStateLayout.TABLE_ENTRIES);
        chain.read(position, bytes, 0, first * MAC_BYTES);
        for (int i = 0; i < first; i++) {
            if (unicast) {
                state.addUnicast(mac(i * MAC_BYTES));
            } else {
                state.addMulticast(mac(i * MAC_BYTES));
            }
        }
        if (count > first) {
            state.overflow(unicast ? NetState.UNICAST_OVERFLOW : NetState.MULTICAST_OVERFLOW);
        }
    }

    private boolean vlan(int command, long available) {
        if ((command != VLAN_ADD && command != VLAN_DEL) || !data(available, Short.BYTES)) {
            return false;
        }
        int vid = view.getShort(0, ByteOrder.LITTLE_ENDIAN) & 0xFFFF;
        if (vid >= NetStateLayout.VLANS) {
            return false;
        }
        state.vlan(vid, command == VLAN_ADD);
        return true;
    }

    private boolean announced(int command) {
        if (command != ONLY_COMMAND) {
            return false;
        }
        state.status(state.status() & ~NetState.ANNOUNCE);
        return true;
    }

    private boolean pairs(int command, long available) {
        if (command != ONLY_COMMAND || !data(available, Short.BYTES)) {
            return false;
        }
        return device.usePairs(view.getShort(0, ByteOrder.LITTLE_ENDIAN) & 0xFFFF);
    }

    private boolean offloads(int command, long available) {
        if (command != ONLY_COMMAND || !data(available, Long.BYTES)) {
            return false;
        }
        return device.useGuestOffloads(view.getLong(0, ByteOrder.LITTLE_ENDIAN));
    }
}
