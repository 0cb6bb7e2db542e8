package io.jvmm.fuzz.host;

import io.jvmm.fuzz.machine.HostModel;

/** The kernel's random numbers: all that was asked for, or as the input says fewer, none, EAGAIN or EIO. */
public final class RngModel extends HostModel {
    private static final int FILL = 64;
    private static final int EIO = 5;
    private static final int EAGAIN = 11;

    private long lengthBytes;

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
}
