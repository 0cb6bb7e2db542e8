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
 *   pba          64 vectors in each 8 bytes: bit set while the vector is masked and its line has been signalled
 * </pre>
 *
 * <p>A vector's line is consumed by the engine while the vector is not masked; while it is, signals stay in the line's eventfd, which is
 * where the pending bits are read from.
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

    private final List<PciSlot.Vector> vectors;
    /** Address, upper address, data, control of each vector in turn. */
    private final int[] table;

    private final Poller lines;
    private final int pbaOffset;
    private boolean enabled;
    private boolean functionMasked;
    private boolean busMaster;

    /** All vectors masked, MSI-X switched off. */
    Msix(List<PciSlot.Vector> vectors) {
        this.vectors = vectors;
        this.table = new int[vectors.size() * (ENTRY_BYTES / Integer.BYTES)];
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

    private void apply(int vector) {
        final PciSlot.Vector it = vectors.get(vector);
        if (isMasked(vector)) {
            it.message().mask();
        } else {
            it.message()
                    .unmask(
                            (word(vector, 0) & 0xFFFF_FFFFL) | ((long) word(vector, 4) << Integer.SIZE),
                            word(vector, 8));
        }
    }

    /** The pending bits of 64 vectors. */
    long pending(int group) {
        if (!enabled) {
            return 0;
        }
        lines.await(0);
        long bits = 0;
        for (int i = group * Long.SIZE; i < Math.min(vectors.size(), (group + 1) * Long.SIZE); i++) {
            if (isMasked(i) && lines.isReady(i, Poller.READABLE)) {
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
            apply(i);
        }
    }
}
