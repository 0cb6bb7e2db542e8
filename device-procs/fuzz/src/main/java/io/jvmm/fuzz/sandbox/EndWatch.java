package io.jvmm.fuzz.sandbox;

import io.jvmm.ipc.link.BoardEndpoint;

/** A device at the end of its life answers nobody: a thread sees it end, so that no read waits for its answer. */
final class EndWatch {
    private static final long LOOK_NS = 100_000_000L;

    private final Thread thread;
    private volatile boolean over;

    EndWatch(JailedDevice process, BoardEndpoint board) {
        thread = Thread.ofPlatform()
                .daemon(true)
                .name("end of " + process.pid())
                .start(() -> {
                    while (!over && process.awaitEnd(LOOK_NS) == null) {
                        // looks again
                    }
                    if (!over) {
                        board.breakDown();
                    }
                });
    }

    void end() {
        over = true;
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
