package io.jvmm.device.virtio.rig;

import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.virtio.Chain;
import io.jvmm.device.virtio.VirtioFactory;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.Fd;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Seeded fuzz of a whole virtio device through its registers and rings: chains of every kind of nonsense between plausible ones,
 * register accesses of any place, width and value, kills at any point, time that passes. What must hold whatever comes: no
 * exception, rest after a bounded number of turns, and no byte of guest memory changed but where the driver allowed it.
 *
 * <pre>{@code
 *   new ChainFuzz(new RngFactory(), seed).with((queue, random) -> someRequest).run(cases);
 * }</pre>
 *
 * <p>The seed is printed. A case is one step: {@code run(1_000_000)} is a longer run, {@code run(20_000)} what a build can bear.
 * A system property of the build, {@code jvmm.fuzz.cases}, replaces the number: see {@link #cases}.
 *
 * <pre>
 *   guest memory   0   rings   1/4   tables   3/8   readable buffers   1/2   writable buffers; of packed rings all   end
 * </pre>
 *
 * <p>The device may write to the upper half, where all writable descriptors point that point anywhere, and to the device areas of the
 * rings. Everything else is compared with a copy after each step; what the device has made of a descriptor is in {@link Permits}.
 */
public final class ChainFuzz {

    /** Bytes of a request that the device under test might take for real. */
    @FunctionalInterface
    public interface Content {
        byte[] readable(int queue, Random random);
    }

    private static final int MEMORY_BYTES = 1 << 19;
    private static final int HALF = MEMORY_BYTES / 2;
    private static final int TABLES = HALF / 2;
    private static final int READABLE = TABLES + TABLES / 2;
    private static final int MEDDLED_TABLES = (READABLE - TABLES) / 2;
    /** One table; the rest of a slot is empty descriptors, so that a table that is too long stays one. */
    private static final int TABLE_BYTES = 128;

    private static final int NEXT = 1;
    private static final int WRITE = 2;
    private static final int INDIRECT = 4;
    private static final int LONGEST_BUFFER = 8192;

    private final VirtioFactory factory;
    private final long seed;
    private final Random random;
    private Content content = ChainFuzz::noise;
    private @Nullable Meddler meddler;
    private VirtioRig rig;
    private RigDriver driver;
    private Permits permits;
    private final byte[] before = new byte[MEMORY_BYTES];
    private long resets;
    private long kills;
    private long chains;
    private int stepsOfEpoch;
    private String step = "";

    /** Fuzz of the example configuration, without descriptors. */
    public ChainFuzz(VirtioFactory factory, long seed) {
        this(factory, Map.of(), Map.of(), seed);
    }

    /** As {@link VirtioRig} takes them. */
    public ChainFuzz(VirtioFactory factory, Map<String, String> entries, Map<String, Fd> descriptors, long seed) {
        this.factory = factory;
        this.seed = seed;
        this.random = new Random(seed);
        this.rig = new VirtioRig(new WatchedFactory(factory, this::taken), entries, descriptors, MEMORY_BYTES);
        this.driver = rig.driver();
        this.permits = new Permits(driver, HALF, false);
    }

    /** What readable buffers mostly begin with. */
    public ChainFuzz with(Content plausible) {
        content = plausible;
        return this;
    }

    /**
     * Has another thread change descriptors, tables and buffers while the device reads them. Then the device may write wherever a
     * descriptor said for a moment, so only the quarter of the lower half that no descriptor ever pointed to is compared.
     */
    public ChainFuzz meddled() {
        meddler =
                new Meddler(rig.memory(), HALF, HALF - LONGEST_BUFFER, TABLES, MEDDLED_TABLES / 16, random.nextLong());
        permits = new Permits(driver, HALF, true);
        return this;
    }

    private void taken(int queue, Chain chain) {
        permits.taken(queue, chain);
    }

    private static byte[] noise(int queue, Random random) {
        byte[] bytes = new byte[random.nextInt(64)];
        random.nextBytes(bytes);
        return bytes;
    }

    /** How many cases: the system property {@code jvmm.fuzz.cases}, or else so many. */
    public static int cases(int inTheBuild) {
        return Integer.getInteger("jvmm.fuzz.cases", inTheBuild);
    }

    /**
     * Runs so many cases and closes the device.
     *
     * @return a line that says what was done
     * @throws AssertionError naming seed and case, when something does not hold
     */
    public String run(int cases) {
        Meddler other = meddler;
        String how = other == null ? "" : " of memory that changes";
        System.out.println(factory.name() + ": fuzz seed " + seed + ", " + cases + " cases" + how);
        int number = 0;
        try {
            setUp();
            for (; number < cases; number++) {
                one();
            }
        } catch (RuntimeException | AssertionError | StackOverflowError e) {
            throw new AssertionError(
                    factory.name() + ": fuzz seed " + seed + ", case " + number + ", " + step + ": " + e, e);
        } finally {
            if (other != null) {
                other.close();
            }
            rig.close();
        }
        return factory.name() + ": " + cases + " cases" + how + ", " + chains + " chains, " + resets + " resets, "
                + kills
                + " kills, " + rig.guestErrors() + " guest errors"
                + (other == null ? "" : ", " + other.writes() + " writes meanwhile");
    }

    private void setUp() {
        step = "set-up";
        long features = 0;
        for (long feature : new long[] {
            RigDriver.F_INDIRECT_DESC, RigDriver.F_EVENT_IDX, RigDriver.F_RING_PACKED, RigDriver.F_RING_RESET
        }) {
            features |= random.nextBoolean() ? feature : 0;
        }
        // The device's own features: mostly all of them.
        features |= random.nextInt(4) == 0 ? random.nextLong() & 0xFF_FFFFL : 0xFF_FFFFL;
        driver.withQueueSize(4 << random.nextInt(4));
        try {
            driver.setUp(features);
        } catch (AssertionError refused) {
            driver.setUp(features | 0xFF_FFFFL); // a subset the device does not accept
        }
        resets++;
        permits.forget();
        stepsOfEpoch = 0;
        // A table of the other format says something else.
        rig.memory().fill(TABLES, (long) READABLE - TABLES, (byte) 0);
        spreadPackedRings();
    }

    /**
     * In a packed ring the device itself makes writable descriptors of readable ones, and of those of tables, when it gives them back, at
     * any time, and a chain that runs on into such a one is as good as another: so there readable buffers and tables are in the upper
     * half, too, and no descriptor points to 0.
     */
    private void spreadPackedRings() {
        for (int i = 0; i < driver.queueCount(); i++) {
            if (driver.queue(i) instanceof RigPackedQueue queue) {
                for (int at = 0; at < queue.size(); at++) {
                    rig.memory().put64(queue.table() + 16L * at, HALF);
                }
            }
        }
    }

    private void one() {
        if (driver.queueCount() == 0 || stepsOfEpoch++ > 200 || (driver.status() & RigDriver.NEEDS_RESET) != 0) {
            setUp();
        }
        if (random.nextInt(50) == 0) {
            VirtioRig.KillPoint[] points = VirtioRig.KillPoint.values();
            rig.kill(points[random.nextInt(points.length)]);
            kills++;
        }
        int kind = random.nextInt(16);
        if (kind < 11) {
            chain();
        } else if (kind < 13) {
            remember();
            if (random.nextInt(8) == 0) {
                supervisor();
            } else {
                step = "time passes";
                rig.advance(random.nextInt(20_000_000));
            }
            compare();
        } else if (kind == 13) {
            index();
        } else {
            register();
        }
    }

    /** A terminal of another size, a balloon of another target: who does not know of such things says so. */
    private void supervisor() {
        boolean resize = random.nextBoolean();
        step = resize ? "a resize" : "a target of the balloon";
        rig.hostRequest(
                resize ? SupervisorRequestType.RESIZE : SupervisorRequestType.BALLOON,
                random.nextBoolean() ? random.nextLong() : random.nextInt(MEMORY_BYTES));
        rig.settle();
    }

    // ---- chains

    private void chain() {
        RigQueue queue = driver.queue(random.nextInt(driver.queueCount()));
        boolean packed = queue instanceof RigPackedQueue;
        boolean tables = driver.negotiated(RigDriver.F_INDIRECT_DESC) || random.nextInt(8) == 0;
        int count = 1 + random.nextInt(Math.min(4, queue.size()));
        int start = packed ? 0 : random.nextInt(queue.size());
        int writableFrom = random.nextInt(count + 1);
        int id = random.nextInt(queue.size());
        step = "a chain of " + count;
        for (int i = 0; i < count; i++) {
            int at = packed ? i : (start + i) % queue.size();
            int next = packed ? id : (start + i + 1) % queue.size();
            boolean last = i == count - 1;
            if (tables && last && random.nextInt(4) == 0) {
                table(queue, at, packed, id);
            } else {
                int flags = (i >= writableFrom ? WRITE : 0) | (last ? 0 : NEXT);
                descriptor(queue, at, flags, next, i == 0);
            }
        }
        chains++;
        if (packed) {
            queue.hostileAvailable(count);
        } else {
            queue.hostileAvailable(random.nextInt(40) == 0 ? random.nextInt(70000) : start);
        }
        if (random.nextInt(3) != 0) {
            remember();
            serve(queue);
            compare();
        }
    }

    /** The device serves the queue, alone or not; in a packed ring there might be more chains for ever if it never were. */
    private void serve(RigQueue queue) {
        Meddler other = meddler;
        if (other == null) {
            queue.kickAnyway();
            rig.settle();
            return;
        }
        other.meddleWith(queue);
        queue.kickAnyway();
        if (queue instanceof RigPackedQueue) {
            other.meddleWith(null);
        }
        rig.settle();
        other.meddleWith(null);
    }

    private void descriptor(RigQueue queue, int at, int wantedFlags, int wantedNext, boolean first) {
        int flags = wantedFlags;
        int next = wantedNext;
        long length = length();
        switch (random.nextInt(60)) {
            case 0 -> flags ^= NEXT;
            case 1 -> flags ^= WRITE;
            case 2 -> flags |= INDIRECT;
            case 3 -> next = random.nextInt(0x10000);
            case 4 -> flags |= random.nextInt(0x10000) & ~0x8080;
            default -> {}
        }
        queue.hostile(
                at, place((flags & WRITE) != 0, (flags & INDIRECT) != 0, length, queue, first), length, flags, next);
    }

    private long length() {
        return switch (random.nextInt(40)) {
            case 0 -> 0;
            case 1 -> random.nextLong() & 0xFFFF_FFFFL;
            case 2 -> 0xFFFF_FFFFL;
            case 3 -> MEMORY_BYTES;
            case 4 -> 4096L * (1 + random.nextInt(2));
            default -> random.nextInt(4) == 0 ? 1 + random.nextInt(LONGEST_BUFFER) : 1 + random.nextInt(64);
        };
    }

    /** Writable ones point to the upper half or nowhere; readable ones and tables to the lower one, behind the rings. */
    private long place(boolean writable, boolean table, long length, RigQueue queue, boolean first) {
        switch (random.nextInt(40)) {
            case 0 -> {
                return random.nextLong() | Long.MIN_VALUE >>> 8;
            }
            case 1 -> {
                return MEMORY_BYTES - 1L - random.nextInt(16);
            }
            case 2 -> {
                return -1L - random.nextInt(64);
            }
            default -> {}
        }
        if (writable && !table) {
            return (long) HALF + random.nextInt(HALF - LONGEST_BUFFER);
        }
        if (table) {
            return someTable(queue);
        }
        boolean upper = meddler != null || queue instanceof RigPackedQueue;
        long at = (upper ? (long) HALF : READABLE) + random.nextInt(HALF - READABLE - LONGEST_BUFFER);
        if (first || random.nextBoolean()) {
            byte[] bytes = content.readable(queueIndex(queue), random);
            for (int i = 0; i < bytes.length && i < length; i++) {
                rig.memory().put8(at + i, bytes[i]);
            }
        }
        return at;
    }

    /** Room for a table; where it may turn into a buffer, so far from the end that the buffer ends before it. */
    private long someTable(RigQueue queue) {
        if (meddler != null) {
            return TABLES + (long) TABLE_BYTES * random.nextInt(MEDDLED_TABLES / TABLE_BYTES);
        }
        boolean upper = queue instanceof RigPackedQueue;
        int bytes = upper ? HALF - LONGEST_BUFFER : READABLE - TABLES;
        return (upper ? HALF : TABLES) + (long) TABLE_BYTES * random.nextInt(bytes / TABLE_BYTES);
    }

    private int queueIndex(RigQueue queue) {
        for (int i = 0; i < driver.queueCount(); i++) {
            if (driver.queue(i) == queue) {
                return i;
            }
        }
        return 0;
    }

    /** An indirect table, mostly a proper one. */
    private void table(RigQueue queue, int at, boolean packed, int id) {
        int count = 1 + random.nextInt(6);
        int writableFrom = random.nextInt(count + 1);
        long table = someTable(queue);
        for (int i = 0; i < count; i++) {
            long length = length();
            int flags = (i >= writableFrom ? WRITE : 0) | (i == count - 1 || packed ? 0 : NEXT);
            flags = random.nextInt(40) == 0 ? flags ^ 1 << random.nextInt(3) : flags;
            long address = place((flags & WRITE) != 0, (flags & INDIRECT) != 0, length, queue, false);
            int next = random.nextInt(40) == 0 ? random.nextInt(0x10000) : i + 1;
            rig.memory().put64(table + 16L * i, address);
            rig.memory().put32(table + 16L * i + 8, (int) length);
            rig.memory().put32(table + 16L * i + 12, packed ? flags << 16 : flags | next << 16);
        }
        long length = random.nextInt(20) == 0 ? random.nextInt(20_000) : 16L * count;
        queue.hostile(at, table, length, INDIRECT | (random.nextInt(40) == 0 ? NEXT : 0), id);
    }

    /** The driver's areas, written over. */
    private void index() {
        RigQueue queue = driver.queue(random.nextInt(driver.queueCount()));
        step = "the driver area";
        if (random.nextInt(4) == 0 && queue instanceof RigSplitQueue split) {
            split.hostileIndex(random.nextInt(0x10000));
        } else {
            rig.memory().put16(queue.driverArea(), (short) random.nextInt());
        }
        remember();
        queue.kickAnyway();
        rig.settle();
        compare();
    }

    // ---- registers

    private void register() {
        int width = 1 << random.nextInt(4);
        int base = switch (random.nextInt(6)) {
            case 0 -> RigDriver.ISR;
            case 1, 2 -> RigDriver.DEVICE_CONFIG;
            case 3 -> 0x3000;
            default -> 0;
        };
        int offset = base + (random.nextInt(8) == 0 ? random.nextInt(0xFF8) : random.nextInt(64) & -width);
        step = "register " + Integer.toHexString(offset) + " width " + width;
        remember();
        if (random.nextBoolean()) {
            driver.read(offset, width);
        } else if (offset > 63 || random.nextInt(4) == 0) {
            driver.write(offset, width, random.nextInt(3) == 0 ? random.nextInt(300) : random.nextLong());
        } else {
            common(offset);
        }
        rig.settle();
        compare();
    }

    /** The common configuration, with values that do not move rings to where the check does not know them. */
    private void common(int offset) {
        switch (offset) {
            case RigDriver.QUEUE_SELECT -> driver.write(offset, 2, random.nextInt(8));
            case RigDriver.QUEUE_RESET -> {
                if (driver.negotiated(RigDriver.F_RING_RESET)) {
                    driver.resetQueue(random.nextInt(driver.queueCount()));
                    resets++;
                    spreadPackedRings();
                    remember();
                }
            }
            case RigDriver.QUEUE_MSIX_VECTOR, RigDriver.CONFIG_MSIX_VECTOR ->
                driver.write(offset, 2, random.nextInt(6));
            case RigDriver.DEVICE_STATUS -> driver.write(offset, 1, random.nextInt(256) | RigDriver.DRIVER);
            default -> {}
        }
    }

    // ---- the check

    private void remember() {
        copy(rig.memory(), before);
    }

    private static void copy(GuestMemory memory, byte[] to) {
        MemorySegment.copy(memory.backing(), ValueLayout.JAVA_BYTE, 0, to, 0, to.length);
    }

    /** The lower half is as it was, but for the device areas and where a chain said so. */
    private void compare() {
        long from = meddler == null ? 0 : READABLE;
        while (from < HALF) {
            long at = MemorySegment.mismatch(
                    rig.memory().backing(), from, HALF, MemorySegment.ofArray(before), from, HALF);
            if (at < 0) {
                return;
            }
            long changed = from + at;
            if (!permits.allow(changed)) {
                throw new AssertionError("the device wrote "
                        + rig.memory().backing().get(ValueLayout.JAVA_BYTE, changed)
                        + " over " + before[(int) changed] + " to guest memory at 0x" + Long.toHexString(changed) + "; "
                        + permits.areas() + "after " + stepsOfEpoch + " steps, " + kills + " kills and " + resets
                        + " resets");
            }
            from = changed + 1;
        }
    }

    /**
     * Fuzz of the state segment alone: forged bytes are refused, or the device lives with them.
     *
     * @return how many were refused
     */
    public static int states(
            VirtioFactory factory, Map<String, String> entries, Map<String, Fd> fds, long seed, int cases) {
        System.out.println(factory.name() + ": state fuzz seed " + seed + ", " + cases + " cases");
        Random random = new Random(seed);
        int refused = 0;
        for (int i = 0; i < cases; i++) {
            try (VirtioRig rig = new VirtioRig(factory, entries, fds, MEMORY_BYTES)) {
                RigDriver driver = rig.driver().withQueueSize(8).setUp(random.nextBoolean() ? -1L : 0);
                byte[] state = rig.state();
                for (int n = random.nextInt(6); n >= 0; n--) {
                    state[random.nextInt(state.length)] = (byte) random.nextInt();
                }
                try {
                    rig.adopt(state);
                } catch (StateRejectedException e) {
                    refused++;
                    continue;
                }
                for (int queue = 0; queue < driver.queueCount(); queue++) {
                    rig.kick(0, queue);
                }
                rig.advance(1_000_000);
                driver.write(RigDriver.DEVICE_STATUS, 1, 0);
                rig.settle();
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError(factory.name() + ": state fuzz seed " + seed + ", case " + i + ": " + e, e);
            }
        }
        return refused;
    }
}
