package io.jvmm.vcpu.board;

import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.message.SupervisorRequestType;

/**
 * Acknowledgements owed to the supervisor, in the order of its requests: one that takes a while holds up those behind it, and so does a full ring.
 * Board thread; allocates nothing.
 */
final class AckQueue {
    static final int DONE = 0;
    static final int WRONG_STATE = 1;
    static final int NOT_MINE = 2;
    static final int STUCK = 3;

    private static final int ROOM = 8;
    private static final int LATER = -1;

    private final SupervisorRequestType[] requests = new SupervisorRequestType[ROOM];
    private final int[] statuses = new int[ROOM];
    private int first;
    private int count;

    /** No further request may be taken. */
    boolean isFull() {
        return count == ROOM;
    }

    void add(SupervisorRequestType request, int status) {
        final int at = (first + count++) % ROOM;
        requests[at] = request;
        statuses[at] = status;
    }

    /** It has been taken and will be done later: {@link #done}. */
    void addLater(SupervisorRequestType request) {
        add(request, LATER);
    }

    /** The oldest request of that kind that was not done is. */
    void done(SupervisorRequestType request, int status) {
        for (int i = 0; i < count; i++) {
            final int at = (first + i) % ROOM;
            if (requests[at] == request && statuses[at] == LATER) {
                statuses[at] = status;
                return;
            }
        }
    }

    /** Whether something could be sent, had the ring room for it. */
    boolean isDue() {
        return count > 0 && statuses[first] != LATER;
    }

    void send(ProcessEndpoint supervisor) {
        while (isDue() && supervisor.ack(requests[first], statuses[first])) {
            first = (first + 1) % ROOM;
            count--;
        }
    }
}
