package io.jvmm.ipc.vsock;

/**
 * Where things are in a vsock function's stream memory: a memfd that the supervisor makes in the right size, gives to the device
 * and to each of its successors, and never looks into. PROTOCOL.md, "Stream memory".
 *
 * <pre>
 *   | header | journal | records: two of each connection | resets | buffers of the connections | unread of the connections |
 * </pre>
 *
 * @param connections most connections
 * @param bufferBytes what is kept of one for a slow host; a multiple of the page size
 */
public record VsockStreamsLayout(int connections, int bufferBytes) {
    private static final int PAGE_BYTES = 4096;

    public static final int HEADER_BYTES = PAGE_BYTES;

    /** Most calls between two commits. */
    public static final int JOURNAL_ENTRIES = 256;

    public static final int JOURNAL_ENTRY_BYTES = 384;
    public static final int RECORD_BYTES = 128;

    /** Resets that may wait, and as many again, so that none is overwritten before it is known to have gone. */
    public static final int RESETS = 512;

    public static final int RESET_BYTES = 16;

    /** Most bytes read from sockets between two commits, and so the most a successor finds read and not given to the guest. */
    public static final int UNREAD_BYTES = 256 * 1024;

    public int journal() {
        return HEADER_BYTES;
    }

    public int records() {
        return journal() + JOURNAL_ENTRIES * JOURNAL_ENTRY_BYTES;
    }

    public int resets() {
        return records() + roundUp(connections * 2 * RECORD_BYTES);
    }

    public int buffers() {
        return resets() + RESETS * RESET_BYTES;
    }

    public long unread() {
        return buffers() + (long) connections * bufferBytes;
    }

    public long totalBytes() {
        return unread() + (long) connections * UNREAD_BYTES;
    }

    private static int roundUp(int bytes) {
        return (bytes + PAGE_BYTES - 1) & -PAGE_BYTES;
    }
}
