package io.jvmm.vcpu.engine;

/**
 * The details of the last exit of one vCPU: one object for the life of the vCPU, changed by {@link Vcpu#run()}.
 *
 * <p>Used only by the vCPU's own thread, between one {@code run} and the next. Nothing here allocates except
 * {@link #failure()}. Every value was chosen by a hostile guest: an address may be anything, {@link #count()} may be
 * large; the engine guarantees only the ranges named below.
 */
public interface ExitView {
    /** Port number (0..ffff) or guest-physical address of a device access. */
    long address();

    /**
     * Width of one item in bytes. A port access is 1, 2 or 4; a memory access 1, 2, 4 or 8, but a piece of one that crosses
     * a page may be anything from 1 to 8.
     */
    int widthBytes();

    /**
     * Number of items, at least 1. String port instructions ({@code REP INS/OUTS}) may carry many; every item goes to
     * the same port, in order. A memory access has one item.
     */
    int count();

    /** Item {@code index} of a write, zero-extended. */
    long value(int index);

    /** Answers item {@code index} of a read; only the low {@link #widthBytes()} are used. */
    void complete(int index, long value);

    /** Why the vCPU cannot go on, for people, with the failing bytes where known; empty unless the exit is fatal. */
    String failure();
}
