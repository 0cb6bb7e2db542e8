package io.jvmm.fuzz.host;

import io.jvmm.fuzz.machine.HostModel;
import io.jvmm.ipc.trace.RecordType;

/**
 * The host of a network card of two ports, of which the first reads straight into guest memory. Events: {@code what} modulo 4 is 0 a frame of {@code which} bytes has
 * come, 1 the port takes frames again, 2 the host's side is gone, 3 nothing, though somebody said so; the port is in bit 2.
 */
public final class NetModel extends HostModel {
    private static final int PORTS = 2;
    private static final int CONNECT = 64;
    private static final int INPUT = 65;
    private static final int OUTPUT = 66;
    private static final int SEND = 80;
    private static final int FLUSH = 81;
    private static final int RECEIVE = 82;
    private static final int TAKEN = 84;
    private static final int STRAIGHT = 96;
    private static final int GONE = 97;
    private static final int ERRNO = 98;

    private static final int SENT = 0;
    private static final int FULL = 1;
    private static final int LOST = 4;
    private static final int CONNECTION_RESET = 104;
    private static final int MOST_FRAMES = 16;

    private final int[][] frames = new int[PORTS][MOST_FRAMES];
    private final int[] count = new int[PORTS];
    private final boolean[] held = new boolean[PORTS];
    private int asked;
    private int made;
    private boolean gone;
    private int recalledFrame;

    @Override
    protected void begin(boolean fresh) {
        for (int port = 0; port < PORTS; port++) {
            count[port] = 0;
            held[port] = false;
        }
        gone = false;
        made = 0;
    }

    @Override
    protected void join(Calls calls) {
        calls.call(CONNECT, 0, PORTS, 0);
    }

    @Override
    protected void event(int what, int which, Calls calls) {
        int port = what >>> 2 & 1;
        switch (what & 3) {
            case 0 -> {
                if (count[port] < MOST_FRAMES) {
                    frames[port][count[port]++] = which;
                }
                if (!gone) {
                    calls.call(INPUT, 0, port, 0);
                }
            }
            case 1 -> {
                if (!gone) {
                    calls.call(OUTPUT, 0, port, 0);
                }
            }
            case 2 -> {
                if (!gone) {
                    gone = true;
                    calls.call(INPUT, 0, port, 0);
                }
            }
            default -> {
                if (!gone) {
                    calls.call(INPUT, 0, port, 0);
                }
            }
        }
    }

    @Override
    protected void behave(Calls calls) {
        for (int port = 0; port < PORTS && !gone; port++) {
            calls.call(OUTPUT, 0, port, 0);
        }
    }

    @Override
    protected void output(int method, long a, long b, long c) {
        asked = (int) a & 1;
        if (method == TAKEN && held[asked]) {
            held[asked] = false;
            count[asked]--;
            System.arraycopy(frames[asked], 1, frames[asked], 0, count[asked]);
        }
    }

    @Override
    protected long answer(int method) {
        return switch (method) {
            case STRAIGHT -> made++ == 0 ? 1 : 0;
            case GONE -> gone ? 1 : 0;
            case ERRNO -> CONNECTION_RESET;
            case RECEIVE -> receive();
            case SEND -> sent(answers().next() & 7);
            case FLUSH -> {
                int result = answers().next() & 7;
                yield sent(result == FULL || result == LOST ? result : SENT);
            }
            default -> answers().next();
        };
    }

    private long sent(int result) {
        if (result == LOST) {
            gone = true;
        }
        return result > LOST ? SENT : result;
    }

    private long receive() {
        if (gone) {
            return -1;
        }
        if (count[asked] == 0) {
            return 0;
        }
        held[asked] = true;
        int length = frames[asked][0];
        if (length == 0) {
            held[asked] = false;
            count[asked]--;
            System.arraycopy(frames[asked], 1, frames[asked], 0, count[asked]);
        }
        return length;
    }

    @Override
    protected void recall(RecordType type, int method, long a, long b, long c, Script script) {
        switch (method) {
            case OUTPUT -> script.event(1 | (int) (b & 1) << 2, 0);
            case TAKEN -> {
                if (recalledFrame > 0) {
                    script.event((int) (a & 1) << 2, recalledFrame);
                }
                recalledFrame = 0;
            }
            case RECEIVE -> {
                if (type == RecordType.ANSWER && a > 0) {
                    recalledFrame = (int) Math.min(a, 0xFFFF);
                }
            }
            case SEND, FLUSH -> {
                if (type == RecordType.ANSWER) {
                    script.answer((int) a & 7);
                }
            }
            default -> {}
        }
    }

    @Override
    protected void recallBytes(int method, byte[] bytes, Script script) {
        for (byte b : bytes) {
            script.answer(b & 0xFF);
        }
    }
}
