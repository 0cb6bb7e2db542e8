package io.jvmm.device.api;

import io.jvmm.ipc.boot.ProcessExit;

/** A stage of a device's life failed: why, and how the process ends. The message is one line with the cure. */
final class StageException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final ProcessExit exit;

    StageException(ProcessExit exit, String message, Throwable cause) {
        super(message, cause);
        this.exit = exit;
    }

    StageException(ProcessExit exit, String message) {
        super(message);
        this.exit = exit;
    }

    ProcessExit exit() {
        return exit;
    }
}
