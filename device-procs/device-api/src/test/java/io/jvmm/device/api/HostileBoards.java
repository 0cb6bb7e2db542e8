package io.jvmm.device.api;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.hostile.HostilePeer;
import io.jvmm.ipc.hostile.Lie;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.message.DeviceRequestType;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A vCPU process that has been taken over, against a real device: any bytes on the link, accesses anywhere, kicks of anything, resets in
 * storms, guest memory that changes at any time, an event ring that nobody reads. The device goes on, or says what it saw and ends with
 * {@link ProcessExit#PEER_VIOLATION}; nothing else. For the tests of all devices; {@code -Djvmm.hostile.lives=100000} makes it a
 * longer run, {@code -Djvmm.seed=N} the same one again.
 */
public final class HostileBoards {
    private static final int STEPS = 40;
    private static final long STORM_NS = 300_000_000L;
    private static final long REST_NS = 300_000_000L;
    /** Share of a processor that a device at rest may take, on whatever host. */
    private static final double MOST_AT_REST = 0.2;

    /** Processor time that the rest of a storm may take: a ring of it takes some milliseconds. */
    private static final long MOST_LEFT_NS = 2_000_000_000L;

    private static final int PATIENCE_S = 60;

    private HostileBoards() {}

    /** How many lives a test of the build does. */
    public static int lives(int usual) {
        return Integer.getInteger("jvmm.hostile.lives", usual);
    }

    private static long seed() {
        return TestSeed.next();
    }

    /** Both sides take turns, in virtual time: the same seed gives the same life. Returns a line for the log. */
    public static String inTurns(DeviceFactory factory, int lives) {
        long firstSeed = seed();
        int ended = 0;
        String name = factory.name();
        try (ScratchMemory memory = new ScratchMemory(factory)) {
            List<HostileLives.Snapshot> snapshots = HostileLives.snapshots(factory, memory);
            byte[] guest = HostileLives.copy(memory);
            for (int life = 0; life < lives; life++) {
                long seed = firstSeed + life;
                Random random = new Random(seed);
                HostileLives.Snapshot begin = snapshots.get(random.nextInt(snapshots.size()));
                HostileLives.restore(memory, guest);
                try (HostileRig rig = new HostileRig(factory, memory, begin.state(), begin.nowNs())) {
                    ended += live(rig, random, seed) ? 0 : 1;
                } catch (RuntimeException | Error e) {
                    throw new AssertionError(name + ", -Djvmm.seed=" + seed, e);
                }
            }
        }
        return name + ": " + lives + " lives with a hostile board from seed " + firstSeed + " on, " + ended
                + " ended by it";
    }

    /** Whether it still serves at the end. */
    private static boolean live(HostileRig rig, Random random, long seed) {
        HostilePeer board = rig.hostileBoard(seed);
        boolean rough = random.nextBoolean();
        rig.deaf(random.nextBoolean());
        for (int i = 0; i < STEPS && rig.exit() == null; i++) {
            if (rough) {
                board.step();
            } else {
                access(board, rig.identity, random);
            }
            meddle(rig, random);
            rig.settle();
        }
        if (rig.exit() == null) {
            return true;
        }
        if (rig.exit() != ProcessExit.PEER_VIOLATION) {
            throw new AssertionError("it ended with " + rig.exit());
        }
        List<Violation> told = rig.log.violations;
        // Each direction of the link may have been broken in the same moment.
        if (told.isEmpty() || told.size() > 2 || told.getFirst().bytes().length == 0) {
            throw new AssertionError("it told of " + told);
        }
        return false;
    }

    private static void meddle(HostileRig rig, Random random) {
        switch (random.nextInt(6)) {
            case 0 -> rig.advance(1L << random.nextInt(40));
            case 1 -> {
                int lines = rig.identity.interrupts().size();
                rig.resample(random.nextInt(lines));
            }
            case 2, 3 -> {
                GuestMemory memory = rig.hasMemory() ? rig.memory() : null;
                for (int i = random.nextInt(64); memory != null && i > 0; i--) {
                    long at = 2L * random.nextInt((random.nextBoolean() ? 1 << 16 : ScratchMemory.LENGTH_BYTES) / 2);
                    memory.put16(at, (short) (random.nextBoolean() ? random.nextInt(16) : random.nextInt()));
                }
            }
            default -> {
                // lets it be
            }
        }
    }

    /** A record that nothing is wrong with: an access inside the windows, a kick, a reset. Of the guest's, so to speak. */
    private static void access(HostilePeer board, DeviceIdentity identity, Random random) {
        UnsafeBuffer message = new UnsafeBuffer(new byte[24]);
        message.putInt(0, random.nextInt(HostileRig.VCPUS));
        int region = random.nextInt(identity.regions().size());
        int length = identity.regions().get(region).lengthBytes();
        int width = Math.min(1 << random.nextInt(4), Integer.highestOneBit(length));
        int type = random.nextInt(12);
        if (type < 9) {
            message.putInt(4, region);
            message.putLong(8, random.nextBoolean() ? random.nextInt(16) : random.nextLong());
            message.putInt(
                    16,
                    random.nextInt(random.nextInt(3) == 0 ? length - width + 1 : Math.min(length, 256) - width + 1));
            message.putInt(20, width);
            put(board, type < 4 ? DeviceRequestType.READ : DeviceRequestType.WRITE, message, 24);
        } else {
            message.putInt(4, random.nextInt(3) == 0 ? random.nextInt(65536) : random.nextInt(4));
            put(board, type < 11 ? DeviceRequestType.KICK : DeviceRequestType.RESET, message, 8);
        }
    }

    private static void put(HostilePeer board, DeviceRequestType type, UnsafeBuffer message, int length) {
        byte[] bytes = new byte[length];
        message.getBytes(0, bytes);
        board.put(type.number(), bytes);
    }

    /**
     * At the same time and in real time: a storm for a while, and then silence, in which the device must rest. Returns a line for the log,
     * with what the storm and the silence cost.
     */
    public static String atOnce(DeviceFactory factory, int lives) throws InterruptedException {
        long firstSeed = seed();
        int ended = 0;
        double stormShare = 0;
        double restShare = 0;
        for (int life = 0; life < lives; life++) {
            long seed = firstSeed + life;
            Random random = new Random(seed);
            Lie[] lies = Lie.values();
            Lie only = lies[random.nextInt(lies.length)];
            try (Live device = new Live(factory)) {
                ScratchSupervisor peer = device.peer;
                long beginNs = device.cpuNs();
                long wallNs = System.nanoTime();
                try (HostilePeer board = new HostilePeer(
                        peer.linkFd(), HostilePeer.Side.BOARD, peer.requestDoorbell(), peer.eventDoorbell(), seed)) {
                    storm(board, factory.identity(), life, only, random, device);
                }
                stormShare = Math.max(stormShare, share(device.cpuNs() - beginNs, wallNs));
                if (device.exit.isDone()) {
                    ended++;
                    if (device.exit.join() != ProcessExit.PEER_VIOLATION) {
                        throw new AssertionError("seed " + seed + ", " + only + ": ended with " + device.exit.join());
                    }
                    continue;
                }
                double share = shareAtRest(device);
                restShare = Math.max(restShare, share);
                if (share > MOST_AT_REST && !device.exit.isDone()) {
                    throw new AssertionError("seed " + seed + ", " + only + ": takes " + share + " processors at rest");
                }
                peer.supervisor().send(SupervisorRequestType.STOP);
                ProcessExit exit = device.exit
                        .copy()
                        .orTimeout(PATIENCE_S, TimeUnit.SECONDS)
                        .join();
                if (exit != ProcessExit.STOPPED && exit != ProcessExit.PEER_VIOLATION) {
                    throw new AssertionError("seed " + seed + ": ended with " + exit);
                }
            }
        }
        return String.format(
                Locale.ROOT,
                "%s: %d storms from seed %d on, %d ended by them; at most %.2f processors meanwhile, %.3f afterwards",
                factory.name(),
                lives,
                firstSeed,
                ended,
                stormShare,
                restShare);
    }

    /**
     * The share of a processor that the device takes once it has nothing to do any more. When that is hangs on the host: what
     * the storm has left in the ring is there until the device's thread has had a processor for it. So it is the thread's own
     * time that is bounded here, not the time that passes: a device that does not come to rest uses it up.
     */
    private static double shareAtRest(Live device) throws InterruptedException {
        long firstNs = device.cpuNs();
        long beginNs = firstNs;
        double share;
        do {
            long wallNs = System.nanoTime();
            TimeUnit.NANOSECONDS.sleep(REST_NS);
            long endNs = device.cpuNs();
            share = share(endNs - beginNs, wallNs);
            beginNs = endNs;
        } while (share > MOST_AT_REST && !device.exit.isDone() && beginNs - firstNs < MOST_LEFT_NS);
        return share;
    }

    private static void storm(
            HostilePeer board, DeviceIdentity identity, int life, Lie only, Random random, Live device) {
        long endNs = System.nanoTime() + STORM_NS;
        while (System.nanoTime() < endNs && !device.exit.isDone()) {
            switch (life % 3) {
                case 0 -> board.step();
                case 1 -> board.tell(only);
                default -> {
                    access(board, identity, random);
                    GuestMemory memory = device.memoryOrNull;
                    if (memory != null) {
                        memory.put16(2L * random.nextInt(1 << 15), (short) random.nextInt(16));
                    }
                }
            }
        }
    }

    private static double share(long cpuNs, long sinceNs) {
        return cpuNs / (double) Math.max(1, System.nanoTime() - sinceNs);
    }

    /** The real process on a thread of this one, without warming up. */
    private static final class Live implements AutoCloseable {
        final ScratchSupervisor peer;
        final @Nullable GuestMemory memoryOrNull;
        final CompletableFuture<ProcessExit> exit = new CompletableFuture<>();
        private final Thread thread;
        private long lastCpuNs;

        Live(DeviceFactory factory) {
            peer = new ScratchSupervisor(factory, 0);
            memoryOrNull = factory.usesGuestMemory(factory.exampleConfig()) ? peer.memory() : null;
            peer.boot(new byte[0]);
            thread = Thread.ofPlatform().name("device").start(() -> {
                try {
                    DeviceProcess process =
                            DeviceProcess.receive(factory, peer.deviceControl(), factory.exampleConfig());
                    process.mapSupervisor();
                    process.map();
                    process.closeUnused();
                    process.ready(process.closeJail(), 1);
                    exit.complete(process.serve());
                } catch (StageException e) {
                    exit.complete(e.exit());
                } catch (Throwable e) {
                    exit.completeExceptionally(e);
                }
            });
            peer.awaitReady();
            peer.request(SupervisorRequestType.START);
        }

        long cpuNs() {
            long now = ManagementFactory.getThreadMXBean().getThreadCpuTime(thread.threadId());
            lastCpuNs = now < 0 ? lastCpuNs : now;
            return lastCpuNs;
        }

        @Override
        public void close() {
            if (!exit.isDone()) {
                peer.die();
                exit.copy().orTimeout(PATIENCE_S, TimeUnit.SECONDS).join();
            }
            peer.close();
        }
    }
}
