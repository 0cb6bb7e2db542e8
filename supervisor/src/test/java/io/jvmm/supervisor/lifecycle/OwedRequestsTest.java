package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.supervisor.launch.ProcessInstance;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a device is owed does not grow with how often it was asked. */
class OwedRequestsTest {
    private static final ProcessInstance DEVICE = ProcessInstance.PLATFORM;

    private final OwedRequests owed = new OwedRequests();

    private static ChildWatch.Asked asked(SupervisorRequestType request, long argument, long sentNs) {
        return new ChildWatch.Asked(request, DEVICE, argument, sentNs);
    }

    @Test
    void ofEachKindTheLastIsOwed() {
        for (int n = 1; n <= 1000; n++) {
            owed.add(DEVICE, asked(SupervisorRequestType.BALLOON, n, 3L * n));
            owed.add(DEVICE, asked(SupervisorRequestType.POWER_BUTTON, 0, 3L * n + 1));
            owed.add(DEVICE, asked(SupervisorRequestType.RESIZE, n, 3L * n + 2));
        }
        assertEquals(
                List.of(
                        asked(SupervisorRequestType.BALLOON, 1000, 3000),
                        asked(SupervisorRequestType.POWER_BUTTON, 0, 3001),
                        asked(SupervisorRequestType.RESIZE, 1000, 3002)),
                owed.take(DEVICE));
        assertEquals(List.of(), owed.take(DEVICE));
    }

    /** The process that is gone was asked before the device was without one. */
    @Test
    void whatADeadProcessWasAskedIsOlderThanWhatCameAfterwards() {
        owed.add(DEVICE, asked(SupervisorRequestType.BALLOON, 2, 20));
        owed.keep(
                DEVICE, List.of(asked(SupervisorRequestType.BALLOON, 1, 10), asked(SupervisorRequestType.PING, 0, 11)));
        assertEquals(List.of(asked(SupervisorRequestType.BALLOON, 2, 20)), owed.take(DEVICE));
    }
}
