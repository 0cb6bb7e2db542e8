package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.trace.CoreReplay;
import io.jvmm.device.api.trace.LifeRecorder;
import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.state.CommittedState;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.trace.TraceBuffer;
import java.util.Map;
import java.util.SplittableRandom;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/**
 * A recorded process is killed before, within and behind the publishing of a transaction: what its successor finds is the state of the last transaction on the tape, or of the last
 * but one (PROTOCOL.md, "Trace").
 */
class TransactionsTest {
    private static final int LIVES = 200;
    private static final int MOST_MESSAGES = 50;

    private final EchoDevice factory = new EchoDevice();

    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    /** Where it dies: the transaction is not on the tape, or is, and the state is not committed. */
    private enum Moment {
        BEFORE,
        BEHIND,
        LATER
    }

    private static final DeviceEffects EFFECTS = new DeviceEffects() {
        @Override
        public void interrupt(int line) {}

        @Override
        public void interruptLevel(int line, boolean asserted) {}

        @Override
        public void guestError(int code, long detail) {}

        @Override
        public void power(PowerAction action, PowerOrigin origin) {}
    };

    @Test
    void aSuccessorGoesOnWithTheLastTransactionOrTheLastButOne() throws Exception {
        SplittableRandom random = new SplittableRandom(TestSeed.next());
        for (int life = 0; life < LIVES; life++) {
            Moment moment = Moment.values()[random.nextInt(Moment.values().length)];
            life(random, moment, 1 + random.nextInt(MOST_MESSAGES));
        }
    }

    private void life(SplittableRandom random, Moment moment, int messages) throws Exception {
        DeviceIdentity identity = factory.identity();
        TraceBuffer trace = new TraceBuffer();
        boolean[] mortal = new boolean[1];
        try (StateSegment state = StateSegment.create(
                "test", identity.deviceId(), identity.stateVersion(), identity.stateLengthBytes())) {
            LifeRecorder recorder = new LifeRecorder(
                    (batch, length) -> publish(trace, batch, length, mortal[0] ? moment : Moment.LATER),
                    state.working(),
                    identity.stateLengthBytes(),
                    state.sequence());
            DeviceCore core = recorder.begin(factory, factory.exampleConfig(), Map.of(), true, 0, EFFECTS, null, 1);
            Transactions transactions = new Transactions(state, recorder);
            for (int i = 1; i <= messages; i++) {
                core.write(EchoDevice.MEMORY, 0, 4, random.nextInt(), i);
                mortal[0] = i == messages && moment != Moment.LATER;
                if (mortal[0]) {
                    int now = i;
                    assertThrows(Killed.class, () -> transactions.commit(8L * now, now));
                } else {
                    transactions.commit(8L * i, i);
                    core.committed(i);
                }
            }
            CommittedState found = CommittedState.read(state.fd());
            assertEquals(messages - (moment == Moment.LATER ? 0 : 1), found.sequence());
            long onTape = (long) messages - (moment == Moment.BEFORE ? 1 : 0);
            compare(trace, found, onTape);
        }
    }

    private static void publish(TraceBuffer trace, DirectBuffer batch, int length, Moment moment) {
        if (moment != Moment.BEFORE) {
            trace.publish(batch, length);
        }
        if (moment != Moment.LATER) {
            throw new Killed();
        }
    }

    /** The state found is that of the transaction of its number, lived again. */
    private void compare(TraceBuffer trace, CommittedState found, long onTape) throws Exception {
        byte[][] then = new byte[1][];
        CoreReplay.Watcher watcher = (transaction, state) -> {
            if (transaction == found.sequence()) {
                then[0] = bytes(state);
            }
            return true;
        };
        try (CoreReplay replay = new CoreReplay(factory, trace.source(), watcher)) {
            CoreReplay.Result result = replay.run();
            assertTrue(result.same(), result.toString());
            assertEquals(onTape, result.transaction());
        }
        assertTrue(onTape == found.sequence() || onTape == found.sequence() + 1);
        assertArrayEquals(found.sequence() == 0 ? new byte[then[0].length] : then[0], bytes(found.state()));
    }

    private static byte[] bytes(DirectBuffer buffer) {
        byte[] bytes = new byte[buffer.capacity()];
        new UnsafeBuffer(buffer).getBytes(0, bytes);
        return bytes;
    }
}
