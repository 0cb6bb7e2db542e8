package io.jvmm.fuzz.host;

import io.jvmm.fuzz.machine.HostModel;
import io.jvmm.ipc.trace.RecordType;

/** The kernel's random numbers: all that was asked for, or as the input says fewer, none, EAGAIN or EIO. */
public final class RngModel extends HostModel {
    private static final int FILL = 64;
    private static final int EIO = 5;
    private static final int EAGAIN = 11;

    private long lengthBytes;
    private long recalledBytes = 1;

    @Override
    protected void output(int method, long a, long b, long c) {
        if (method == FILL) {
            lengthBytes = b;
        }
    }

    @Override
    protected long answer(int method) {
        int chosen = answers().next();
        return switch (chosen) {
            case 0 -> lengthBytes;
            case 1 -> -EAGAIN;
            case 2 -> -EIO;
            case 3 -> 0;
            default -> Math.max(1, lengthBytes * chosen / 256);
        };
    }

    @Override
    protected void recall(RecordType type, int method, long a, long b, long c, Script script) {
        if (type == RecordType.OUTPUT && method == FILL) {
            recalledBytes = b;
        } else if (type == RecordType.ANSWER && method == FILL) {
            script.answer(
                    switch ((int) a) {
                        case -EAGAIN -> 1;
                        case -EIO -> 2;
                        case 0 -> 3;
                        default -> a == recalledBytes ? 0 : Math.clamp(a * 256 / recalledBytes, 4, 255);
                    });
        }
    }
}
