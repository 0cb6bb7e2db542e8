package io.jvmm.device.block;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.HostEvents;
import io.jvmm.ipc.sys.Errno;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Whoever runs the machine learns what the host refuses, and is not flooded by a guest that tries again. */
class HostTroubleTest {
    private final List<String> said = new ArrayList<>();
    private final HostEvents events = new HostEvents() {
        @Override
        public void escape(int port, int what) {
            throw new AssertionError("nobody typed");
        }

        @Override
        public void backendLost(int port, int errno) {
            throw new AssertionError("a disk with an error is still there");
        }

        @Override
        public void warn(String line) {
            said.add(line);
        }
    };
    private final HostTrouble trouble = new HostTrouble("disk.img");

    @Test
    void eachKindOfFailureIsToldOnceAMinute() {
        for (int i = 0; i < 1000; i++) {
            trouble.note(RequestType.OUT, -Errno.ENOSPC.number());
            trouble.tell(events, i);
        }
        assertEquals(1, said.size());
        assertTrue(
                said.getFirst().startsWith("disk.img: writing failed: ENOSPC, no space left on device (free some"),
                said.getFirst());
        trouble.note(RequestType.FLUSH, -Errno.EIO.number());
        trouble.tell(events, 1000);
        assertEquals(2, said.size());
        assertTrue(
                said.get(1).startsWith("disk.img: bringing it to the medium failed: EIO, input/output error;"),
                said.get(1));
        trouble.note(RequestType.OUT, -Errno.ENOSPC.number());
        trouble.tell(events, HostTrouble.SILENCE_NS);
        assertEquals(3, said.size());
    }

    @Test
    void whatIsNoErrnoIsNothing() {
        trouble.note(RequestType.IN, 5);
        trouble.note(RequestType.IN, Integer.MIN_VALUE);
        trouble.note(RequestType.IN, -100_000);
        trouble.tell(events, 0);
        assertEquals(List.of(), said);
    }
}
