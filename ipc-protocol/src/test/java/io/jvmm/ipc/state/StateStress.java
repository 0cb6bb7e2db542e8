package io.jvmm.ipc.state;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.JJJ_Result;
import org.openjdk.jcstress.infra.results.JJ_Result;

/** The order of the stores of a commit, as another process sees them: PROTOCOL.md, "Commit rule". */
public final class StateStress {
    private static final int STATE_LENGTH = 16;
    private static final StateSegmentLayout LAYOUT = new StateSegmentLayout(STATE_LENGTH);

    private StateStress() {}

    private static StateSlots slots(UnsafeBuffer shared) {
        return new StateSlots(shared, LAYOUT, STATE_LENGTH);
    }

    private static void commit(StateSlots slots, long value) {
        slots.working().putLong(0, value);
        slots.working().putLong(8, value);
        slots.commit(8 * value);
    }

    /** Whoever sees a sequence sees all of its slot. */
    @JCStressTest
    @Outcome(id = "0, .*, .*", expect = ACCEPTABLE, desc = "nothing committed yet")
    @Outcome(id = "1, 1, 1", expect = ACCEPTABLE, desc = "the first commit")
    @Outcome(id = "2, 2, 2", expect = ACCEPTABLE, desc = "the second commit")
    @Outcome(expect = FORBIDDEN, desc = "a sequence without its slot")
    @State
    public static class SlotBeforeSequence {
        private final UnsafeBuffer shared = new UnsafeBuffer(ByteBuffer.allocateDirect(LAYOUT.totalLength()));
        private final StateSlots slots = slots(shared);

        @Actor
        public void device() {
            commit(slots, 1);
            commit(slots, 2);
        }

        @Actor
        public void successor(JJJ_Result result) {
            long sequence = shared.getLongVolatile(StateSegmentLayout.HEADER_SEQUENCE);
            int slot = LAYOUT.slotOffset(sequence);
            result.r1 = sequence;
            result.r2 = shared.getLong(slot);
            result.r3 = shared.getLong(slot + 8);
        }
    }

    /** A slot is not overwritten before the sequence has left it. */
    @JCStressTest
    @Outcome(id = "0, .*", expect = ACCEPTABLE, desc = "nothing in the slot yet")
    @Outcome(id = "1, [0123]", expect = ACCEPTABLE, desc = "the first commit's state")
    @Outcome(id = "3, [23]", expect = ACCEPTABLE, desc = "the third commit's state, the second being committed")
    @Outcome(expect = FORBIDDEN, desc = "the third commit's state in the slot the sequence points at")
    @State
    public static class SequenceBeforeNextSlot {
        private final UnsafeBuffer shared = new UnsafeBuffer(ByteBuffer.allocateDirect(LAYOUT.totalLength()));
        private final StateSlots slots = slots(shared);

        @Actor
        public void device() {
            commit(slots, 1);
            commit(slots, 2);
            commit(slots, 3);
        }

        @Actor
        public void successor(JJ_Result result) {
            result.r1 = shared.getLongVolatile(LAYOUT.slotOffset(1));
            VarHandle.loadLoadFence();
            result.r2 = shared.getLongVolatile(StateSegmentLayout.HEADER_SEQUENCE);
        }
    }
}
