package io.jvmm.vcpu.board.pci;

import io.jvmm.ipc.sys.Poller;
import io.jvmm.vcpu.state.StateCursor;
import java.util.List;

/**
 * The MSI-X table and pending bits of one function (PCI 3.0 §6.8.2): which message each vector sends, and which vectors are masked. It
 * lies in a BAR of its own, of {@link #barLengthBytes()}:
 *
 * <pre>
 *   0            4            8            12           16
 *   | address    | upper      | data       | control    |  ... one for each vector; control bit 0: masked
 *   pba          64 vectors in each 8 bytes: bit set while the vector is not sent and its line has been signalled
 * </pre>
 *
 * <p>A vector's line is consumed by the engine while the vector is not masked; while it is, signals stay in the line's eventfd, which is
 * where the pending bits are read from. So do they while what the guest has put into the table is no interrupt message ({@link #isInterrupt}), and for a
 * moment when the guest changes messages too often ({@link MessagePace}).
 *
 * <p>Guarded by the bus's lock. Nothing is allocated after construction.
 */
final class Msix {
    static final int ENTRY_BYTES = 16;
    private static final int CONTROL = 12;
    private static final int MASKED = 1;
    private static final int ADDRESS_WRITABLE = ~3;
    private static final int PBA_ALIGNMENT = 0x800;
    private static final int SMALLEST_BAR = 0x1000;

    /** Address bits 31:20 of a message, and bits 10:8 of its data. */
    private static final int LOCAL_APIC_SHIFT = 20;

    private static final int LOCAL_APIC = 0xFEE;
    private static final int DELIVERY_MODE = 8;
    private static final int SYSTEM_MANAGEMENT = 2;
    private static final int RESERVED = 3;
    private static final int STARTUP = 6;

    private final List<PciSlot.Vector> vectors;
    /** Address, upper address, data, control of each vector in turn. */
    private final int[] table;

    /** Whether each vector is sent now, and what was in its entry then. */
    private final boolean[] sent;

    private final int[] sentTable;
    private final MessagePace pace;
    private final Poller lines;
    private final int pbaOffset;
    private boolean enabled;
    private boolean functionMasked;
    private boolean busMaster;
    /** Whether a vector is silent because it has to wait. */
    private boolean late;

    /** All vectors masked, MSI-X switched off. */
    Msix(List<PciSlot.Vector> vectors, MessagePace pace) {
        this.vectors = vectors;
        this.pace = pace;
        this.table = new int[vectors.size() * (ENTRY_BYTES / Integer.BYTES)];
        this.sent = new boolean[vectors.size()];
        this.sentTable = new int[table.length];
        this.pbaOffset = (tableBytes() + PBA_ALIGNMENT - 1) & -PBA_ALIGNMENT;
        this.lines = new Poller(vectors.size());
        for (int i = 0; i < vectors.size(); i++) {
            lines.add(vectors.get(i).line().fd(), Poller.READABLE);
            setControl(i, MASKED);
        }
    }

    int vectors() {
        return vectors.size();
    }

    int pbaOffset() {
        return pbaOffset;
    }

    private int tableBytes() {
        return vectors.size() * ENTRY_BYTES;
    }

    private int pbaBytes() {
        return (vectors.size() + 63) / 64 * Long.BYTES;
    }

    /** A power of two. */
    int barLengthBytes() {
        return Math.max(SMALLEST_BAR, Integer.highestOneBit(pbaOffset + pbaBytes() - 1) << 1);
    }

    boolean isEnabled() {
        return enabled;
    }

    /** What the function's registers say now: MSI-X Enable, Function Mask, Bus Master Enable. */
    void control(boolean nowEnabled, boolean nowMasked, boolean nowMaster) {
        if (nowEnabled && !enabled) {
            // What was signalled while the function did not use MSI-X is no interrupt of a vector.
            for (int i = 0; i < vectors.size(); i++) {
                vectors.get(i).line().drain();
            }
        }
        if (nowEnabled != enabled || nowMasked != functionMasked || nowMaster != busMaster) {
            enabled = nowEnabled;
            functionMasked = nowMasked;
            busMaster = nowMaster;
            for (int i = 0; i < vectors.size(); i++) {
                apply(i);
            }
        }
    }

    /** An aligned read of up to 8 bytes; zeros where there is nothing. */
    long read(int offset, int widthBytes) {
        final long word = doubleWord(offset & -Long.BYTES);
        return word >>> (Byte.SIZE * (offset & (Long.BYTES - 1)));
    }

    private long doubleWord(int offset) {
        if (offset < tableBytes()) {
            final int at = offset / Integer.BYTES;
            return (table[at] & 0xFFFF_FFFFL) | ((long) table[at + 1] << Integer.SIZE);
        }
        return offset >= pbaOffset && offset < pbaOffset + pbaBytes() ? pending((offset - pbaOffset) / Long.BYTES) : 0;
    }

    /** Only whole, aligned 32-bit and 64-bit writes of the table count (PCI 3.0 §6.8.2); the pending bits are read-only. */
    void write(int offset, int widthBytes, long value) {
        if (widthBytes >= Integer.BYTES && (offset & (widthBytes - 1)) == 0 && offset < tableBytes()) {
            writeWord(offset, (int) value);
            if (widthBytes == Long.BYTES) {
                writeWord(offset + Integer.BYTES, (int) (value >>> Integer.SIZE));
            }
            apply(offset / ENTRY_BYTES);
        }
    }

    private void writeWord(int offset, int value) {
        table[offset / Integer.BYTES] = value & writable(offset / Integer.BYTES);
    }

    private int word(int vector, int offset) {
        return table[(vector * ENTRY_BYTES + offset) / Integer.BYTES];
    }

    private void setControl(int vector, int control) {
        table[(vector * ENTRY_BYTES + CONTROL) / Integer.BYTES] = control;
    }

    private boolean isMasked(int vector) {
        return !enabled || functionMasked || !busMaster || word(vector, CONTROL) != 0;
    }

    /**
     * Whether a write of {@code data} to {@code address} is an interrupt (SDM 3A 11.11): to fee0_0000..feef_ffff, of a delivery mode that is not reserved, and not
     * a system management interrupt, which this board's processors do not have. A real function would write anything else to memory; here it is not sent.
     */
    static boolean isInterrupt(long address, int data) {
        final int mode = data >>> DELIVERY_MODE & 7;
        return address >>> LOCAL_APIC_SHIFT == LOCAL_APIC
                && mode != SYSTEM_MANAGEMENT
                && mode != RESERVED
                && mode != STARTUP;
    }

    private long address(int vector) {
        return (word(vector, 0) & 0xFFFF_FFFFL) | ((long) word(vector, 4) << Integer.SIZE);
    }

    private boolean isSentAsItIs(int vector) {
        final int at = vector * (ENTRY_BYTES / Integer.BYTES);
        return sent[vector]
                && sentTable[at] == table[at]
                && sentTable[at + 1] == table[at + 1]
                && sentTable[at + 2] == table[at + 2];
    }

    /** Has what the guest wants done, if it is different from what is so. */
    private void apply(int vector) {
        if (isMasked(vector) || !isInterrupt(address(vector), word(vector, 8))) {
            silence(vector);
        } else if (!isSentAsItIs(vector)) {
            if (pace.take()) {
                send(vector);
            } else {
                silence(vector);
                late = true;
            }
        }
    }

    private void silence(int vector) {
        if (sent[vector]) {
            sent[vector] = false;
            vectors.get(vector).message().mask();
        }
    }

    private void send(int vector) {
        final int at = vector * (ENTRY_BYTES / Integer.BYTES);
        sent[vector] = true;
        System.arraycopy(table, at, sentTable, at, ENTRY_BYTES / Integer.BYTES);
        vectors.get(vector).message().unmask(address(vector), word(vector, 8));
    }

    /** It is time to try again what had to wait. */
    void catchUp() {
        if (late) {
            late = false;
            for (int i = 0; i < vectors.size(); i++) {
                apply(i);
            }
        }
    }

    /** The pending bits of 64 vectors: of all whose signals stay in their lines, or those would not be in the machine's state. */
    long pending(int group) {
        if (!enabled) {
            return 0;
        }
        lines.await(0);
        long bits = 0;
        for (int i = group * Long.SIZE; i < Math.min(vectors.size(), (group + 1) * Long.SIZE); i++) {
            if (!sent[i] && lines.isReady(i, Poller.READABLE)) {
                bits |= 1L << i;
            }
        }
        return bits;
    }

    /** For the state segment: as many entries and pending bits as there are lines; those behind the vectors are zeros. */
    void transfer(StateCursor state, int lines, boolean apply) {
        for (int i = 0; i < lines * (ENTRY_BYTES / Integer.BYTES); i++) {
            final int word =
                    i < table.length ? state.u32(table[i], writable(i), "MSI-X table") : state.u32(0, 0, "MSI-X table");
            if (apply && i < table.length) {
                table[i] = word;
            }
        }
        for (int group = 0; group < PciStateLayout.pendingWords(lines); group++) {
            final int left = Math.clamp(vectors.size() - (long) group * Long.SIZE, 0, Long.SIZE);
            final long possible = left == Long.SIZE ? -1L : (1L << left) - 1;
            final long bits = state.u64(state.loads() ? 0 : pending(group), possible, "pending bits");
            for (int i = 0; apply && i < left; i++) {
                if (((bits >>> i) & 1) != 0) {
                    vectors.get(group * Long.SIZE + i).line().signal();
                }
            }
        }
    }

    private static int writable(int word) {
        return switch ((word * Integer.BYTES) & (ENTRY_BYTES - 1)) {
            case 0 -> ADDRESS_WRITABLE;
            case CONTROL -> MASKED;
            default -> -1;
        };
    }

    /** What has been loaded is in force: {@link #control}, but what the lines have been signalled stays. */
    void restore(boolean nowEnabled, boolean nowMasked, boolean nowMaster) {
        enabled = nowEnabled;
        functionMasked = nowMasked;
        busMaster = nowMaster;
        for (int i = 0; i < vectors.size(); i++) {
            silence(i);
            if (!isMasked(i) && isInterrupt(address(i), word(i, 8))) {
                send(i);
            }
        }
        late = false;
    }
}
