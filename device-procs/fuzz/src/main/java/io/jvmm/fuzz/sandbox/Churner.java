package io.jvmm.fuzz.sandbox;

import io.jvmm.ipc.memory.GuestMemory;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;

/**
 * Another vCPU of a hostile guest: a thread that writes to guest memory while the device reads it. Which bytes an input says; when, nobody can.
 */
final class Churner implements AutoCloseable {
    private static final int MOST_FLIPS = 16;
    private static final int ROUND = 64;
    private static final long PAUSE_NS = 2_000;
    private static final long IDLE_NS = 50_000_000;
    /** Where the driver has its rings and tables. */
    private static final int WITHIN = 0x4000;

    private final GuestMemory memory;
    private final int[] places = new int[MOST_FLIPS];
    private final byte[] values = new byte[MOST_FLIPS];
    private final byte[] others = new byte[MOST_FLIPS];
    private final Thread thread;
    private int flips;
    private int seed;
    private boolean storm;
    private volatile boolean active;
    private volatile boolean over;

    Churner(GuestMemory memory) {
        this.memory = memory;
        thread = Thread.ofPlatform().daemon(true).name("another vCPU").start(this::run);
    }

    /** From now on this byte changes to and fro. */
    void flip(int place, byte value) {
        synchronized (this) {
            if (flips < MOST_FLIPS) {
                places[flips] = place;
                others[flips] = memory.get8(place, (byte) 0);
                values[flips++] = value;
            }
        }
        wake();
    }

    /** From now on anything changes. */
    void storm(int newSeed) {
        synchronized (this) {
            seed = newSeed;
            storm = true;
        }
        wake();
    }

    private void wake() {
        active = true;
        LockSupport.unpark(thread);
    }

    /** Whether anything changes. */
    boolean isActive() {
        return active;
    }

    /** Nothing changes any more, when this returns. */
    void rest() {
        if (active) {
            active = false;
            synchronized (this) {
                flips = 0;
                storm = false;
            }
        }
    }

    private void run() {
        Random random = new Random(0);
        int seeded = 0;
        boolean second = false;
        while (!over) {
            if (!active) {
                LockSupport.parkNanos(this, IDLE_NS);
                continue;
            }
            synchronized (this) {
                if (storm && seed != seeded) {
                    seeded = seed;
                    random = new Random(seed);
                }
                for (int i = 0; active && i < flips; i++) {
                    memory.put8(places[i], second ? others[i] : values[i]);
                }
                for (int i = 0; active && storm && i < ROUND; i++) {
                    memory.put16(random.nextInt(WITHIN) & ~1, (short) random.nextInt(1 << random.nextInt(17)));
                }
                second = !second;
            }
            LockSupport.parkNanos(this, PAUSE_NS);
        }
    }

    @Override
    public void close() {
        over = true;
        LockSupport.unpark(thread);
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
