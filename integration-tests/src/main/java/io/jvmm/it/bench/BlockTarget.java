package io.jvmm.it.bench;

import io.jvmm.ipc.sys.EventFd;

/** A device process that serves a {@link BlockRing}: ours, or another maker's. */
interface BlockTarget extends AutoCloseable {

    /** Its name in the table. */
    String name();

    BlockRing ring();

    /** Tells the device that the ring has something. */
    void kick();

    /** Signalled by the device's interrupts. */
    EventFd interrupt();

    /** The process that does the work. */
    long pid();

    /** How the process is: running, or how it ended. */
    String condition();

    @Override
    void close();
}
