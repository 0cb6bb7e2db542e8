package io.jvmm.device.api;

import io.jvmm.ipc.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** What hostile tests of all devices start from: states of a device in the middle of its own exercise, and the guest memory that goes with them. */
final class HostileLives {
    private static final int MOST_SNAPSHOTS = 64;
    private static final long START_NS = 1_000_000_000_000L;

    private HostileLives() {}

    /** A state, and when it was. */
    @SuppressWarnings("ArrayRecordComponent") // never compared, and its one reader copies it
    record Snapshot(byte[] state, long nowNs) {}

    /** Runs the exercise over {@code memory}, which is left as it is at the end. The same ones every time. */
    static List<Snapshot> snapshots(DeviceFactory factory, ScratchMemory memory) {
        try (HostileRig rig = new HostileRig(factory, memory, null, START_NS)) {
            Watched watched = new Watched(rig, new Random(1));
            watched.look();
            factory.exercise(watched);
            return watched.snapshots;
        }
    }

    /** A copy of guest memory; empty for a device that does not use it. */
    static byte[] copy(ScratchMemory memory) {
        GuestMemory guest = memory.orNull();
        byte[] copy = new byte[guest == null ? 0 : ScratchMemory.LENGTH_BYTES];
        if (guest != null) {
            guest.copyOut(0, MemorySegment.ofArray(copy), 0, copy.length);
        }
        return copy;
    }

    /** Makes guest memory what it was. */
    static void restore(ScratchMemory memory, byte[] copy) {
        GuestMemory guest = memory.orNull();
        if (guest != null) {
            guest.copyIn(0, MemorySegment.ofArray(copy), 0, copy.length);
        }
    }

    /** Takes a state now and then. */
    private static final class Watched implements Exercise {
        private final HostileRig rig;
        private final Random random;
        private final List<Snapshot> snapshots = new ArrayList<>();
        private int calls;

        Watched(HostileRig rig, Random random) {
            this.rig = rig;
            this.random = random;
        }

        private void look() {
            calls++;
            if (snapshots.size() < MOST_SNAPSHOTS) {
                snapshots.add(new Snapshot(rig.state(), rig.nowNs));
            } else if (random.nextInt(calls) < MOST_SNAPSHOTS) {
                snapshots.set(random.nextInt(MOST_SNAPSHOTS), new Snapshot(rig.state(), rig.nowNs));
            }
        }

        @Override
        public void read(int region, int offset, int widthBytes) {
            rig.read(region, offset, widthBytes);
            look();
        }

        @Override
        public void write(int region, int offset, int widthBytes, long value) {
            rig.write(region, offset, widthBytes, value);
            look();
        }

        @Override
        public void kick(int queue) {
            rig.kick(queue);
            look();
        }

        @Override
        public GuestMemory memory() {
            return rig.memory();
        }

        @Override
        public void hostInput(int port, String text) {
            rig.hostInput(port, text);
            look();
        }

        @Override
        public void advance(long durationNs) {
            rig.advance(durationNs);
            look();
        }

        @Override
        public void resample(int line) {
            rig.resample(line);
            look();
        }

        @Override
        public void powerButton() {
            rig.powerButton();
            look();
        }
    }
}
