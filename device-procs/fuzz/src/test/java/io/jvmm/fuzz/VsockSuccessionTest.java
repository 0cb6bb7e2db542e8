package io.jvmm.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.fuzz.machine.DeviceTarget;
import io.jvmm.fuzz.program.Operation;
import io.jvmm.fuzz.program.ProgramWriter;
import org.junit.jupiter.api.Test;

/** A connection of the fuzz machine lives on in a successor: stream memory and sockets are brought to it, as the supervisor brings them. */
class VsockSuccessionTest {
    private static final int RX = 0;
    private static final int EVENT_READABLE = 1;
    /** All features but packed rings and indirect descriptors. */
    private static final long ALL = ~(1L << 34 | 1L << 29 | 1L << 28);

    private static final int BYTES_OF_THE_FIRST_SOCKET = 96;

    private final DeviceTarget target = (DeviceTarget) Targets.VSOCK.make();

    private int packetsForTheGuest(boolean dies, boolean readable) {
        return target.reach(life(dies, readable)).returned().get(RX);
    }

    private static byte[] life(boolean dies, boolean readable) {
        ProgramWriter life = new ProgramWriter(Operation.OF_VIRTIO);
        VirtioSeeds.succeeded(life.setUp(ALL, 0), dies);
        if (readable) {
            life.event(EVENT_READABLE, BYTES_OF_THE_FIRST_SOCKET);
        }
        return life.sleep(1000).bytes();
    }

    @Test
    void aSuccessorReadsOnFromItsPredecessorsSocket() {
        assertEquals(1, packetsForTheGuest(false, false), "the connection is there");
        assertEquals(2, packetsForTheGuest(false, true), "and brings bytes");
        assertEquals(1, packetsForTheGuest(true, false), "a successor resets nothing");
        assertEquals(2, packetsForTheGuest(true, true), "and reads on");
    }
}
