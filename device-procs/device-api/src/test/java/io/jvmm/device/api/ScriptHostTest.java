package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Poller;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The host of a script that goes on when a command has been carried out, and not before. */
@Timeout(60)
class ScriptHostTest {
    private static final DeviceEffects NOTHING_HAPPENS = (DeviceEffects) Proxy.newProxyInstance(
            DeviceEffects.class.getClassLoader(), new Class<?>[] {DeviceEffects.class}, (_, method, _) -> {
                throw new AssertionError(method.getName());
            });

    /** The echoing device with this back end. */
    private record Joined(Backend backend) implements DeviceFactory {
        private static final EchoDevice ECHO = new EchoDevice();

        @Override
        public DeviceIdentity identity() {
            return ECHO.identity();
        }

        @Override
        public DeviceCore create(
                DeviceConfig config, AtomicBuffer state, boolean fresh, DeviceEffects effects, long nowNs) {
            return ECHO.create(config, state, fresh, effects, nowNs);
        }

        @Override
        public List<Backend> backends(
                DeviceConfig config, Descriptors descriptors, DeviceCore core, HostEvents events) {
            return List.of(backend);
        }

        @Override
        public DeviceConfig exampleConfig() {
            return ECHO.exampleConfig();
        }

        @Override
        public void exercise(Exercise machine) {
            ECHO.exercise(machine);
        }
    }

    /** Something is under way with a thread of its own, which ends when it will. */
    private static class Slow implements Backend {
        private volatile boolean done;
        private boolean delivered;

        @Override
        public int port() {
            return 0;
        }

        @Override
        public boolean attach(Poller poller, long nowNs) {
            return false;
        }

        @Override
        public void watch(Poller poller) {
            // There is no descriptor.
        }

        @Override
        public void unwatch(Poller poller) {
            // Nor here.
        }

        @Override
        public boolean service(Poller poller, long nowNs) {
            return deliver(nowNs);
        }

        @Override
        public boolean flush(long nowNs) {
            return false;
        }

        @Override
        public boolean hasWork() {
            return done && !delivered;
        }

        @Override
        public boolean deliver(long nowNs) {
            boolean now = hasWork();
            delivered |= now;
            return now;
        }

        @Override
        public boolean settled() {
            return delivered;
        }
    }

    /** Longer than a back end with traffic of its own, which never comes to rest, holds a command up. */
    @Test
    void whatIsUnderWayIsWaitedForHoweverSlow() throws InterruptedException {
        Slow slow = new Slow();
        List<String> heard = new ArrayList<>();
        try (ScriptHost host = joined(slow)) {
            Thread worker = Thread.ofPlatform().start(() -> {
                LockSupport.parkNanos(1_500_000_000L);
                slow.done = true;
            });
            host.settle(1, () -> heard.add("done"));
            assertEquals(List.of("done"), heard);
            worker.join();
        }
    }

    /** Each look finds something new: that ends, too. */
    @Test
    void endlessTrafficHoldsNobodyUp() {
        int[] frames = new int[1];
        Slow busy = new Slow() {
            @Override
            public boolean deliver(long nowNs) {
                frames[0]++;
                return true;
            }

            @Override
            public boolean settled() {
                return true;
            }
        };
        try (ScriptHost host = joined(busy)) {
            long beginNs = Clock.monotonicNs();
            host.settle(1, () -> {});
            assertTrue(frames[0] > 1);
            assertTrue(Clock.monotonicNs() - beginNs < 20_000_000_000L, "as long as for what is under way");
        }
    }

    private static ScriptHost joined(Backend backend) {
        Joined factory = new Joined(backend);
        DeviceConfig config = factory.exampleConfig();
        ScriptHost host = new ScriptHost(factory, config, Map.of());
        UnsafeBuffer state = new UnsafeBuffer(new byte[factory.identity().stateLengthBytes()]);
        DeviceCore core = factory.create(config, state, true, NOTHING_HAPPENS, 1);
        host.attach(core, new NoHost(), 1);
        return host;
    }

    /** Whom nobody tells anything. */
    private static final class NoHost implements HostEvents {
        @Override
        public void escape(int port, int what) {
            throw new AssertionError("escape");
        }

        @Override
        public void backendLost(int port, int errno) {
            throw new AssertionError("lost");
        }
    }
}
