package io.jvmm.fuzz.host;

import io.jvmm.fuzz.machine.HostModel;
import io.jvmm.ipc.trace.RecordType;

/**
 * The host of a disk: an image of 1 GiB and workers, who are done when the input says so. Events: {@code what} modulo 4 is 0 to 1 a worker is done with one of its requests
 * (which: {@code which}; well, or with an error by bits 2 and 3), 2 all are, 3 the host has dropped what it could not write.
 */
public final class BlockModel extends HostModel {
    private static final int ATTACH = 64;
    private static final int FINISH = 65;
    private static final int FINISHED = 66;
    private static final int SUBMIT = 80;
    private static final int READ = 81;
    private static final int WRITE = 82;
    private static final int LENGTH = 96;
    private static final int BLOCK = 97;
    private static final int PHYSICAL_BLOCK = 98;
    private static final int DISCARD = 99;
    private static final int LOST_WRITES = 100;

    private static final long IMAGE_BYTES = 1 << 30;
    private static final int SECTOR = 512;
    private static final int PAGE = 4096;
    private static final int MOST_REQUESTS = 256;
    private static final int EIO = 5;
    private static final int EAGAIN = 11;
    private static final int ENOSPC = 28;

    private final int[] tickets = new int[MOST_REQUESTS];
    private int count;
    private boolean lost;

    @Override
    protected void begin(boolean fresh) {
        count = 0;
        lost = false;
    }

    @Override
    protected void join(Calls calls) {
        calls.call(ATTACH, 0, 0, 0);
    }

    @Override
    protected void event(int what, int which, Calls calls) {
        switch (what & 3) {
            case 0, 1 -> {
                if (count > 0) {
                    finish(which % count, result(what >>> 2 & 3), calls);
                    calls.call(FINISHED, 0, 0, 0);
                }
            }
            case 2 -> behave(calls);
            default -> lost = true;
        }
    }

    private static long result(int code) {
        return switch (code) {
            case 1 -> -EIO;
            case 2 -> -ENOSPC;
            default -> 0;
        };
    }

    private void finish(int index, long result, Calls calls) {
        int ticket = tickets[index];
        count--;
        System.arraycopy(tickets, index + 1, tickets, index, count - index);
        calls.call(FINISH, 0, ticket, result);
    }

    @Override
    protected void behave(Calls calls) {
        if (count == 0) {
            return;
        }
        for (int i = count; i > 0; i--) {
            finish(0, 0, calls);
        }
        calls.call(FINISHED, 0, 0, 0);
    }

    @Override
    protected void output(int method, long a, long b, long c) {
        if (method == SUBMIT && count < MOST_REQUESTS) {
            tickets[count++] = (int) a;
        }
    }

    @Override
    protected long answer(int method) {
        return switch (method) {
            case LENGTH -> IMAGE_BYTES;
            case BLOCK -> SECTOR;
            case PHYSICAL_BLOCK, DISCARD -> PAGE;
            case LOST_WRITES -> lost ? 1 : 0;
            case READ, WRITE ->
                switch (answers().next() & 3) {
                    case 1 -> -EAGAIN;
                    case 2 -> -EIO;
                    default -> 0;
                };
            default -> answers().next();
        };
    }

    /** The oldest is done first, and what a worker would have to wait for is tried again. */
    @Override
    protected void recall(RecordType type, int method, long a, long b, long c, Script script) {
        if (method == FINISH && type == RecordType.CALL) {
            script.event(c == -ENOSPC ? 2 << 2 : c < 0 ? 1 << 2 : 0, 0);
        } else if (type == RecordType.ANSWER && (method == READ || method == WRITE)) {
            script.answer(a == 0 ? 0 : a == -EAGAIN ? 1 : 2);
        }
    }
}
