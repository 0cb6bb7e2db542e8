package io.jvmm.it.bench;

import io.jvmm.ipc.sys.EventFd;
import java.io.IOException;

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

    /** Binds all its threads to a core. */
    default void moveTo(String core) throws IOException, InterruptedException {
        Process taskset = new ProcessBuilder("taskset", "-a", "-c", "-p", core, Long.toString(pid()))
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        if (taskset.waitFor() != 0) {
            throw new IOException("taskset failed");
        }
    }

    @Override
    void close();
}
