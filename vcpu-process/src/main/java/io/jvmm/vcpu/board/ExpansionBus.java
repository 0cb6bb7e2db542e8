package io.jvmm.vcpu.board;

import io.jvmm.ipc.message.PciFunction;
import io.jvmm.ipc.sys.Poller;
import java.lang.foreign.MemorySegment;

/**
 * A bus whose devices tell the board what they are before the guest starts, as the board thread sees it. Board thread only.
 */
public interface ExpansionBus {
    /** Descriptors that {@link #watch} adds. */
    int descriptors();

    /** Has the board thread woken by what the bus listens to. Once. */
    void watch(Poller poller);

    /**
     * A device declares a function of its own. Once the bus has been put together it may only repeat itself, which changes nothing.
     *
     * @return empty, or why this device may not say this, or not any more
     */
    String declare(BoardDevice device, PciFunction function);

    /** A device declares the next capability of a function that it has declared; as {@link #declare}. */
    String declare(BoardDevice device, int function, byte[] capability);

    /**
     * Every device has said what it is: the bus is put together, and declares nothing from now on.
     *
     * @return what is wrong with it, for people; empty when nothing is
     */
    String assemble();

    /** The device's process is gone for good: from now on the board answers for its functions. */
    void broken(BoardDevice device);

    /** After a sleep: carries interrupts. */
    void serve(long nowNs);

    /** For how long at most the board thread may sleep, because a device is not listened to until then. */
    long deafForNs(long nowNs);

    /** What it counts. */
    Counters counters();

    /** Bytes of its state. */
    int stateLengthBytes();

    /** Writes its state to the start of {@code into}. */
    void saveState(MemorySegment into);
}
