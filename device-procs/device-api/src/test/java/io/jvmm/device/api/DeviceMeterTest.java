package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.counters.CounterBlock;
import io.jvmm.ipc.counters.DeviceCounter;
import io.jvmm.ipc.counters.Histogram;
import io.jvmm.ipc.message.SupervisorRequestType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** PROTOCOL.md, "Counters page": what a duty cycle counts and times. */
@Timeout(120)
class DeviceMeterTest {
    private static final int TRACE_EVERY = 64;

    private static long all(CounterBlock histogram) {
        long[] buckets = new long[Histogram.BUCKETS];
        histogram.copyTo(buckets);
        long sum = 0;
        for (long n : buckets) {
            sum += n;
        }
        return sum;
    }

    private static void interrupt(LoopRig rig) {
        rig.board.write(0, EchoDevice.CONTROL, 0, 1, 0);
        rig.work();
    }

    @Test
    void fromTheFirstNotificationToTheNextInterrupt() {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START)) {
            rig.board.kick(0, 0);
            rig.board.kick(0, 0);
            interrupt(rig);
            interrupt(rig);
            assertEquals(2, rig.counters.counters().get(DeviceCounter.INTERRUPTS));
            assertEquals(1, all(rig.counters.completion()));
        }
    }

    /** What was under way is never answered: the next kernel's first interrupt comes minutes later, and is about something else. */
    @Test
    void aResetForgetsTheNotification() {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START)) {
            rig.board.kick(0, 0);
            rig.board.reset(0);
            interrupt(rig);
            assertEquals(1, rig.counters.counters().get(DeviceCounter.INTERRUPTS));
            assertEquals(0, all(rig.counters.completion()));
        }
    }

    /** The same of a driver that is unloaded, or that resets its device when a request has timed out. */
    @Test
    void aResetOfTheDriversForgetsTheNotification() {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START)) {
            rig.board.kick(0, 0);
            rig.board.write(0, EchoDevice.MEMORY, EchoDevice.RESET, 1, 1);
            interrupt(rig);
            assertEquals(1, all(rig.counters.completion()), "1 is no reset");
            rig.board.kick(0, 0);
            rig.board.write(0, EchoDevice.MEMORY, EchoDevice.RESET, 1, 0);
            interrupt(rig);
            assertEquals(2, rig.counters.counters().get(DeviceCounter.INTERRUPTS));
            assertEquals(1, all(rig.counters.completion()));
        }
    }

    /** Tracing does not change how many are timed. */
    @Test
    void everySixteenthMessageIsTimed() {
        try (LoopRig rig = new LoopRig().step(SupervisorRequestType.START)) {
            for (int every : new int[] {0, 1}) {
                rig.counted().putInt(TRACE_EVERY, every);
                for (int i = 0; i < 32; i++) {
                    rig.board.write(0, EchoDevice.MEMORY, 0, 1, i);
                    rig.work();
                }
                assertEquals(every == 0 ? 2 : 4, all(rig.counters.service()), "traced: " + every);
            }
        }
    }
}
