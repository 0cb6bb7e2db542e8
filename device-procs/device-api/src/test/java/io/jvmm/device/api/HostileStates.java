package io.jvmm.device.api;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.message.SupervisorRequestType;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.PaddingLayout;
import java.lang.foreign.SequenceLayout;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * State segments that lie: whole in form (their CRC is right, for whoever could write the state could write that) and false in what they say.
 * Real states, taken in the middle of a device's exercise, with any fields changed, field by field of its layout. The device refuses it
 * with {@link StateRejectedException}, or serves on it: whatever comes then throws nothing, loops nowhere without a bound and comes to
 * rest. For the tests of all devices; {@code -Djvmm.hostile.states=1000000} makes it a longer run, {@code -Djvmm.seed=N} the same one again.
 */
public final class HostileStates {
    /** A case takes some hundred microseconds; this is far from that on the busiest host. */
    private static final long MOST_NS = 20_000_000_000L;

    private static final long[] NASTY = {
        0,
        1,
        2,
        -1,
        -2,
        7,
        15,
        16,
        31,
        32,
        63,
        64,
        127,
        128,
        255,
        256,
        1023,
        4096,
        32767,
        32768,
        65535,
        65536,
        Integer.MAX_VALUE,
        Integer.MIN_VALUE,
        0xFFFF_FFFFL,
        1L << 32,
        1L << 40,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        Long.MAX_VALUE - 4096
    };

    private final DeviceFactory factory;
    private final DeviceIdentity identity;
    private final DeviceFactory successor;
    private final long firstSeed;
    private Random random = new Random(0);

    private String change = "";

    private HostileStates(DeviceFactory factory, DeviceFactory successor, long firstSeed) {
        this.factory = factory;
        this.successor = successor;
        this.identity = factory.identity(factory.exampleConfig());
        this.firstSeed = firstSeed;
    }

    /** How many cases a test of the build does. */
    public static int cases(int usual) {
        return Integer.getInteger("jvmm.hostile.states", usual);
    }

    /** Runs; returns a line for the log, with the seed. */
    public static String run(DeviceFactory factory, int cases) {
        long seed = TestSeed.next();
        return new HostileStates(factory, factory, seed).run(cases);
    }

    /** The same, and what takes over is the caretaker of a device that has been given up. */
    public static String runCaretaker(DeviceFactory factory, int cases) {
        long seed = TestSeed.next();
        return new HostileStates(factory, new CaretakerOf(factory), seed).run(cases);
    }

    private String run(int cases) {
        int refused = 0;
        long longestNs = 0;
        try (ScratchMemory memory = new ScratchMemory(factory)) {
            List<HostileLives.Snapshot> snapshots = HostileLives.snapshots(factory, memory);
            byte[] guest = HostileLives.copy(memory);
            for (HostileLives.Snapshot honest : snapshots) {
                new HostileRig(successor, memory, honest.state(), honest.nowNs()).close();
            }
            for (int i = 0; i < cases; i++) {
                long seed = firstSeed + i;
                random = new Random(seed);
                HostileLives.Snapshot snapshot = snapshots.get(random.nextInt(snapshots.size()));
                byte[] state = snapshot.state().clone();
                long nowNs = snapshot.nowNs() + (1L << random.nextInt(45));
                change = "";
                for (int changes = 1 + (random.nextInt(4) == 0 ? random.nextInt(6) : 0); changes > 0; changes--) {
                    change(identity.stateLayout(), 0, new UnsafeBuffer(state), "");
                }
                HostileLives.restore(memory, guest);
                long beginNs = System.nanoTime();
                try (HostileRig rig = new HostileRig(successor, memory, state, nowNs)) {
                    live(rig);
                } catch (StateRejectedException e) {
                    refused++;
                } catch (RuntimeException | Error e) {
                    throw new AssertionError(identity.name() + ", -Djvmm.seed=" + seed + ": a state with" + change, e);
                }
                longestNs = Math.max(longestNs, System.nanoTime() - beginNs);
                if (longestNs > MOST_NS) {
                    throw new AssertionError(identity.name() + ", seed " + seed + ": " + longestNs + " ns," + change);
                }
            }
        }
        return identity.name() + ": " + cases + " states that lie from seed " + firstSeed + " on, " + refused
                + " refused, the longest took " + longestNs / 1_000 + " us";
    }

    /** Changes one field somewhere below {@code layout}. */
    private void change(MemoryLayout layout, long offset, UnsafeBuffer state, String path) {
        switch (layout) {
            case GroupLayout group -> {
                int member = random.nextInt(group.memberLayouts().size());
                long at = offset;
                for (int i = 0; i < member; i++) {
                    at += group.memberLayouts().get(i).byteSize();
                }
                MemoryLayout chosen = group.memberLayouts().get(member);
                change(chosen, at, state, path + "." + chosen.name().orElse("?"));
            }
            case SequenceLayout sequence -> {
                if (sequence.elementCount() > 0) {
                    long index = random.nextInt(3) == 0
                            ? random.nextInt(Math.toIntExact(Math.min(4, sequence.elementCount())))
                            : random.nextLong(sequence.elementCount());
                    MemoryLayout element = sequence.elementLayout();
                    change(element, offset + index * element.byteSize(), state, path + "[" + index + "]");
                }
            }
            case PaddingLayout padding -> {
                byte[] noise = new byte[Math.toIntExact(padding.byteSize())];
                random.nextBytes(noise);
                state.putBytes((int) offset, noise);
                change += " noise in" + path;
            }
            case ValueLayout value -> set(value, (int) offset, state, path);
        }
    }

    private void set(ValueLayout layout, int at, UnsafeBuffer state, String path) {
        long old = switch ((int) layout.byteSize()) {
            case 1 -> state.getByte(at);
            case 2 -> state.getShort(at);
            case 4 -> state.getInt(at);
            default -> state.getLong(at);
        };
        long fresh = switch (random.nextInt(6)) {
            case 0 -> old ^ 1L << random.nextInt((int) (8 * layout.byteSize()));
            case 1 -> old + random.nextInt(5) - 2;
            case 2 -> random.nextLong();
            case 3 -> random.nextInt(1 << random.nextInt(31));
            default -> NASTY[random.nextInt(NASTY.length)];
        };
        switch ((int) layout.byteSize()) {
            case 1 -> state.putByte(at, (byte) fresh);
            case 2 -> state.putShort(at, (short) fresh);
            case 4 -> state.putInt(at, (int) fresh);
            default -> state.putLong(at, fresh);
        }
        change += " " + path + "=0x" + HexFormat.of().toHexDigits(fresh);
    }

    /** What a machine may do to a device. */
    private void live(HostileRig rig) {
        rig.settle();
        for (int i = 0; i < 12; i++) {
            switch (random.nextInt(10)) {
                case 0, 1, 2 -> {
                    int region = random.nextInt(identity.regions().size());
                    int width = width(region);
                    rig.read(region, offset(region, width), width);
                }
                case 3, 4 -> {
                    int region = random.nextInt(identity.regions().size());
                    int width = width(region);
                    rig.write(region, offset(region, width), width, random.nextInt(256));
                }
                case 5 -> rig.kick(random.nextInt(4));
                case 6 -> {
                    if (!identity.interrupts().isEmpty()) {
                        rig.resample(random.nextInt(identity.interrupts().size()));
                    }
                }
                case 7 -> rig.advance(1L << random.nextInt(42));
                case 8 -> rig.hostInput(random.nextInt(4), "host's input");
                default -> requests(rig);
            }
            if (rig.exit() != null) {
                throw new AssertionError("it ended with " + rig.exit() + "; violations " + rig.log.violations);
            }
        }
        rig.reset();
        rig.settle();
        rig.request(SupervisorRequestType.DRAIN, 0);
        if (rig.core().nextDeadlineNs() <= rig.nowNs) {
            rig.request(SupervisorRequestType.RESUME, 0);
        }
    }

    private int width(int region) {
        int width = 1 << random.nextInt(4);
        return Math.min(
                width, Integer.highestOneBit(identity.regions().get(region).lengthBytes()));
    }

    /** Where an access fits; in the first 8 KiB, because that is where registers are. */
    private int offset(int region, int widthBytes) {
        int length = Math.min(8192, identity.regions().get(region).lengthBytes());
        return random.nextInt(length - widthBytes + 1) & -widthBytes;
    }

    private void requests(HostileRig rig) {
        switch (random.nextInt(5)) {
            case 0 -> rig.powerButton();
            case 1 -> rig.request(SupervisorRequestType.RESIZE, random.nextLong());
            case 2 -> rig.request(SupervisorRequestType.BALLOON, random.nextLong() >>> random.nextInt(64));
            case 3 -> {
                rig.request(SupervisorRequestType.PAUSE, 0);
                rig.nowNs += 1L << random.nextInt(40);
                rig.request(SupervisorRequestType.RESUME, 0);
            }
            default -> rig.reset();
        }
    }
}
