package io.jvmm.ipc.link;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import io.jvmm.ipc.message.DeviceRequestLayout;
import io.jvmm.ipc.message.DeviceRequestProxy;
import io.jvmm.ipc.ring.GuardedProducer;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.ring.IpcRingLayout;
import io.jvmm.ipc.sys.EventFd;
import org.agrona.concurrent.UnsafeBuffer;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;
import org.openjdk.jcstress.infra.results.II_Result;
import org.openjdk.jcstress.infra.results.IJ_Result;
import org.openjdk.jcstress.infra.results.JJ_Result;

/** What the two processes of a link share, raced: PROTOCOL.md, "Reply slots", "Sleeping", "Waiting for room". */
public final class LinkStress {
    private static final long VALUE = 0x0123_4567_89ab_cdefL;

    private LinkStress() {}

    /** Eight-byte aligned memory of this process stands for the shared one: the processor sees no difference. */
    static UnsafeBuffer memory(int lengthBytes) {
        return new UnsafeBuffer(java.nio.ByteBuffer.allocateDirect(lengthBytes));
    }

    /** Whoever sees the sequence of a reply sees its value. */
    @JCStressTest
    @Outcome(id = "0, .*", expect = ACCEPTABLE, desc = "not answered yet")
    @Outcome(id = "1, 81985529216486895", expect = ACCEPTABLE, desc = "answered")
    @Outcome(expect = FORBIDDEN, desc = "the sequence without the value")
    @State
    public static class ReplyPublish {
        private final UnsafeBuffer memory = memory(LinkLayout.SLOT_LENGTH_BYTES);
        private final ReplySlots slots = new ReplySlots(memory, 1);

        @Actor
        public void device() {
            slots.publish(0, 1, VALUE);
        }

        @Actor
        public void vcpu(JJ_Result result) {
            result.r1 = memory.getLongVolatile(LinkLayout.SLOT_SEQUENCE);
            result.r2 = slots.value(0);
        }
    }

    /** A vCPU that decides to sleep is seen sleeping by the device that answers. */
    @JCStressTest
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "saw the answer in time; not woken")
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "saw the answer in time; woken for nothing")
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "sleeps and is woken")
    @Outcome(id = "0, 1", expect = FORBIDDEN, desc = "sleeps and nobody wakes it")
    @State
    public static class ReplySleep {
        private final ReplySlots slots = new ReplySlots(memory(LinkLayout.SLOT_LENGTH_BYTES), 1);

        @Actor
        public void device(II_Result result) {
            result.r1 = slots.publish(0, 1, VALUE) ? 1 : 0;
        }

        @Actor
        public void vcpu(II_Result result) {
            result.r2 = slots.announceSleep(0) == 1 ? 0 : 1;
        }
    }

    /** A consumer that decides to sleep is signalled by the producer that publishes. */
    @JCStressTest
    @Outcome(id = "1, .*", expect = ACCEPTABLE, desc = "saw the record in time")
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "sleeps and was signalled")
    @Outcome(id = "0, 1", expect = FORBIDDEN, desc = "sleeps and was not signalled")
    @State
    public static class DoorbellSleep {
        private static final EventFd EVENT_FD = EventFd.create();

        private final UnsafeBuffer words = memory(LinkLayout.DOORBELL_LENGTH_BYTES);
        private final UnsafeBuffer ring = memory(IpcRingLayout.lengthBytes(1024));
        private final Doorbell doorbell = new Doorbell(words, LinkLayout.DOORBELL_REQUEST_CONSUMER_ASLEEP, EVENT_FD);
        private final DeviceRequestProxy proxy = new DeviceRequestProxy(new GuardedProducer(ring));
        private final HardenedReader reader = new HardenedReader(ring, DeviceRequestLayout.MAX_LENGTH_BYTES, 0);

        @Actor
        public void producer() {
            proxy.kick(0, 1);
            doorbell.ring();
        }

        @Actor
        public void consumer(II_Result result) {
            doorbell.announceSleep();
            result.r1 = reader.hasNext() ? 1 : 0;
        }

        /** The word is set back by whoever signals, and only by it. */
        @Arbiter
        public void word(II_Result result) {
            result.r2 = words.getIntVolatile(LinkLayout.DOORBELL_REQUEST_CONSUMER_ASLEEP);
        }
    }

    /** Of two producers that find the consumer asleep, at least one signals. */
    @JCStressTest
    @Outcome(id = "1, .*", expect = ACCEPTABLE, desc = "saw a record in time")
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "sleeps and was signalled")
    @Outcome(id = "0, 1", expect = FORBIDDEN, desc = "sleeps and was not signalled")
    @State
    public static class DoorbellTwoProducers {
        private final DoorbellSleep shared = new DoorbellSleep();

        @Actor
        public void one() {
            shared.producer();
        }

        @Actor
        public void two() {
            shared.producer();
        }

        @Actor
        public void consumer(II_Result result) {
            shared.consumer(result);
        }

        @Arbiter
        public void word(II_Result result) {
            shared.word(result);
        }
    }

    /** A producer that decides to sleep for room is woken by the consumer that gives some back. */
    @JCStressTest
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "saw the room in time; not woken")
    @Outcome(id = "1, 0", expect = ACCEPTABLE, desc = "saw the room in time; woken for nothing")
    @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "sleeps and is woken")
    @Outcome(id = "0, 1", expect = FORBIDDEN, desc = "sleeps and nobody wakes it")
    @State
    public static class RoomSleep {
        private final UnsafeBuffer words = memory(LinkLayout.DOORBELL_LENGTH_BYTES);
        private final UnsafeBuffer ring = memory(IpcRingLayout.lengthBytes(1024));
        private final SpaceWaiters space = new SpaceWaiters(words);

        @Actor
        public void consumer(II_Result result) {
            ring.putLongRelease(IpcRingLayout.headOffset(ring.capacity()), 32);
            result.r1 = space.headMoved() ? 1 : 0;
        }

        @Actor
        public void producer(II_Result result) {
            space.enter();
            space.ticket();
            result.r2 = ring.getLongVolatile(IpcRingLayout.headOffset(ring.capacity())) == 32 ? 0 : 1;
        }
    }

    /** The futex word changes after the ticket of a producer that found no room, so that it does not sleep on it. */
    @JCStressTest
    @Outcome(id = "0, 1, .*", expect = ACCEPTABLE, desc = "the ticket is out of date, or the wake-up comes later")
    @Outcome(id = "1, .*, .*", expect = ACCEPTABLE, desc = "saw the room in time")
    @Outcome(id = "0, 0, 1", expect = ACCEPTABLE, desc = "the word has changed since: futex_wait returns at once")
    @Outcome(id = "0, 0, 0", expect = FORBIDDEN, desc = "sleeps for ever")
    @State
    public static class RoomTicket {
        private final UnsafeBuffer words = memory(LinkLayout.DOORBELL_LENGTH_BYTES);
        private final UnsafeBuffer ring = memory(IpcRingLayout.lengthBytes(1024));
        private final SpaceWaiters space = new SpaceWaiters(words);
        private int ticket;

        @Actor
        public void consumer() {
            ring.putLongRelease(IpcRingLayout.headOffset(ring.capacity()), 32);
            space.headMoved();
        }

        @Actor
        public void producer(III_Result result) {
            space.enter();
            ticket = space.ticket();
            result.r1 = ring.getLongVolatile(IpcRingLayout.headOffset(ring.capacity())) == 32 ? 1 : 0;
            result.r2 = ticket == 0 ? 0 : 1;
        }

        @Arbiter
        public void word(III_Result result) {
            result.r3 = space.ticket() == ticket ? 0 : 1;
        }
    }

    /** Whoever sees a finished record sees all of its message. */
    @JCStressTest
    @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "nothing there yet")
    @Outcome(id = "2, 81985529216486895", expect = ACCEPTABLE, desc = "all of it")
    @Outcome(expect = FORBIDDEN, desc = "a part of it")
    @State
    public static class RecordPublish {
        private final UnsafeBuffer ring = memory(IpcRingLayout.lengthBytes(1024));
        private final DeviceRequestProxy proxy = new DeviceRequestProxy(new GuardedProducer(ring));
        private final HardenedReader reader = new HardenedReader(ring, DeviceRequestLayout.MAX_LENGTH_BYTES, 0);

        @Actor
        public void producer() {
            proxy.write(1, 2, VALUE, 4, 8);
        }

        @Actor
        public void consumer(IJ_Result result) {
            if (reader.next()) {
                result.r1 = reader.message().getInt(DeviceRequestLayout.REGION);
                result.r2 = reader.message().getLong(DeviceRequestLayout.VALUE);
            }
        }
    }
}
