package io.jvmm.vcpu.boot;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Random damage to sound images of every kind: the only thing that may come out is a plan or a {@link BootException}.
 * Reproduce with {@code -Djvmm.seed=N}; more with {@code -Djvmm.fuzz.rounds=N}.
 */
class LoaderFuzzTest {
    private static final int ROUNDS = Integer.getInteger("jvmm.fuzz.rounds", 400);

    private final long seed = TestSeed.next();
    private final Random random = new Random(seed);
    private final Machine machine = new Machine(48);

    @Test
    void damagedImagesNeverBreakTheLoader() {
        final byte[] vmlinux = Images.vmlinux(9_000);
        final byte[][] seeds = {
            vmlinux,
            new Images.Elf(false)
                    .entry(0x10_0000)
                    .load(0x10_0000, Images.pattern(900, 1), 5000)
                    .pvh(0x10_0010)
                    .build(),
            Images.bzImage(Images.packed(PayloadFormat.GZIP, vmlinux)),
            Images.bzImage(Images.packed(PayloadFormat.XZ, vmlinux)),
            Images.bzImage(Images.packed(PayloadFormat.LZ4, vmlinux)),
            Images.bzImage(Images.packed(PayloadFormat.ZSTD, vmlinux)),
            Images.bzImage(Images.packed(PayloadFormat.BZIP2, vmlinux)),
            Images.bzImage(vmlinux),
        };
        int booted = 0;
        int refused = 0;
        for (int round = 0; round < ROUNDS; round++) {
            for (int kind = 0; kind < seeds.length; kind++) {
                final byte[] image = damage(seeds[kind]);
                try {
                    machine.boot(Images.image("fuzz", image), null, "x");
                    booted++;
                } catch (BootException e) {
                    assertTrue(e.getMessage().lines().count() == 1, e.getMessage());
                    refused++;
                } catch (RuntimeException | Error e) {
                    throw new AssertionError("seed " + seed + " round " + round + " kind " + kind, e);
                }
            }
        }
        System.out.println(booted + " booted, " + refused + " refused");
        assertTrue(refused > ROUNDS, "the damage does too little: " + refused);
    }

    private byte[] damage(byte[] image) {
        final byte[] copy = random.nextInt(8) == 0
                ? java.util.Arrays.copyOf(image, random.nextInt(image.length + 1))
                : image.clone();
        if (copy.length == 0) {
            return copy;
        }
        for (int n = random.nextInt(4) == 0 ? 0 : 1 + random.nextInt(6); n >= 0; n--) {
            final int at = position(copy.length);
            switch (random.nextInt(4)) {
                case 0 -> copy[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> copy[at] = (byte) random.nextInt();
                case 2 -> fill(copy, at, (byte) (random.nextBoolean() ? 0xFF : 0));
                default -> copy[at] = (byte) (copy[at] + random.nextInt(5) - 2);
            }
        }
        return copy;
    }

    /** Headers are where it hurts: half of the damage goes there, some to the very end, the rest anywhere. */
    private int position(int length) {
        return switch (random.nextInt(8)) {
            case 0, 1 -> random.nextInt(Math.min(length, 300));
            case 2, 3 -> Math.min(length - 1, 0x1F0 + random.nextInt(0xA0));
            case 4 -> Math.max(0, length - 1 - random.nextInt(40));
            case 5 -> Math.min(length - 1, 1536 + 0x400 + random.nextInt(64));
            default -> random.nextInt(length);
        };
    }

    private void fill(byte[] bytes, int at, byte value) {
        for (int i = at; i < bytes.length && i < at + 1 + random.nextInt(8); i++) {
            bytes[i] = value;
        }
    }
}
