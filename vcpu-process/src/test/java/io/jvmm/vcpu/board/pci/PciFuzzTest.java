package io.jvmm.vcpu.board.pci;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.message.PciFunction;
import io.jvmm.vcpu.board.PciMap;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A guest that does anything to PCI, and devices that declare anything. {@code -Djvmm.fuzz.pci=1000000} makes it a longer run,
 * {@code -Djvmm.seed=N} the same one again.
 */
@Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PciFuzzTest {
    private static final int ACCESSES = Integer.getInteger("jvmm.fuzz.pci", 60_000);
    private static final long SEED = TestSeed.next();
    private static final int QUEUES = 2;
    private static final int[] WIDTHS = {1, 2, 4, 8};
    private static final int[] SLOTS = {3, 9};

    private final Random random = new Random(SEED);
    private final FakeEngine engine = new FakeEngine();
    private final PciRig rig = new PciRig(engine, 1);

    private long value() {
        return switch (random.nextInt(6)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> 1L << random.nextInt(64);
            case 3 -> PciMap.WINDOW_START + random.nextInt(1 << 16);
            case 4 -> random.nextInt(256);
            default -> random.nextLong();
        };
    }

    private int slot() {
        return random.nextInt(8) == 0 ? random.nextInt(32) : random.nextInt(5) == 0 ? 0 : SLOTS[random.nextInt(2)];
    }

    /** An address that is likely to hit something. */
    private long address() {
        return switch (random.nextInt(8)) {
            case 0 -> PciMap.DECODED_START + random.nextLong(PciMap.DECODED_END - PciMap.DECODED_START - 8);
            case 1, 2 -> PciRig.ecam(slot(), random.nextInt(4096));
            case 3 -> PciMap.ECAM_START + random.nextLong(PciMap.ECAM_BYTES);
            case 4 -> PciMap.WINDOW_START + random.nextInt(1 << 16);
            default -> {
                final long bar = rig.legacy(SLOTS[random.nextInt(2)], random.nextBoolean() ? 0x10 : 0x20, 4) & ~0xFFFL;
                final long at = bar + random.nextInt(PciRig.BAR_BYTES);
                yield at >= PciMap.DECODED_START && at < PciMap.DECODED_END - 8 ? at : PciMap.DECODED_START;
            }
        };
    }

    private void access() {
        final int width = WIDTHS[random.nextInt(4)];
        switch (random.nextInt(8)) {
            case 0 -> rig.out(0xCF8, 4, 0x8000_0000L | value());
            case 1 -> rig.out(0xCFC + random.nextInt(4), Math.min(4, width), value());
            case 2 -> check(rig.in(0xCFC + random.nextInt(4), Math.min(4, width)), Math.min(4, width));
            case 3 -> {
                // Registers that matter, with aligned widths.
                final int narrow = Math.min(4, width);
                rig.config(slot(), random.nextInt(256) & -narrow, narrow, value());
            }
            case 4 -> {
                final int narrow = Math.min(4, width);
                rig.config(SLOTS[random.nextInt(2)], 0x04 + (random.nextInt(64) & -narrow), narrow, value());
            }
            case 5 -> check(rig.load(address(), width), width);
            case 6 -> rig.store(address(), width, value());
            default -> {
                final PciRig.Plugged it = rig.plugged.get(random.nextInt(2));
                (random.nextInt(3) == 0 ? it.intx() : it.lines().get(random.nextInt(3))).signal();
                rig.bus().serve(System.nanoTime());
            }
        }
    }

    private static void check(long value, int width) {
        assertTrue(width == 8 || value >>> (8 * width) == 0, "bits above the width");
    }

    /** All it hears is inside its BAR, and kicks are of virtqueues that it has. */
    private static void check(PciRig.Plugged it) {
        for (final String line : it.device().heard()) {
            if (line.startsWith("kick ")) {
                final int queue = Integer.parseInt(line.substring(5), 16);
                assertEquals(it.function().function(), queue >> 8);
                assertTrue((queue & 0xFF) < QUEUES, line);
            } else {
                final int offset = Integer.parseInt(line.substring(line.indexOf('+') + 1, line.indexOf('.')), 16);
                final int width = line.charAt(line.indexOf('.') + 1) - '0';
                assertTrue(offset >= 0 && offset + width <= PciRig.BAR_BYTES, line);
                assertTrue(line.startsWith("w" + it.function().function() + "+"), line);
            }
        }
    }

    @Test
    void aGuestThatDoesAnything() {
        System.out.println("PciFuzzTest: seed " + SEED + ", " + ACCESSES + " accesses");
        for (int i = 0; i < 2; i++) {
            rig.plug(SLOTS[i], PciRig.function(i * 7, 3, QUEUES), PciRig.virtioCapabilities());
        }
        rig.assemble();
        // Nobody would answer: reads of the devices' registers end at once, and what they hear is looked at by kicks
        // and writes.
        rig.answering();
        final byte[] fresh = new byte[rig.bus().stateLengthBytes()];
        rig.bus().saveState(MemorySegment.ofArray(fresh));
        for (int i = 0; i < ACCESSES; i++) {
            access();
            if (i % 1000 == 0) {
                rig.plugged.forEach(PciFuzzTest::check);
                assertTrue(
                        rig.plugged.stream().allMatch(p -> p.device().boardEnd.violation() == null));
                final byte[] state = new byte[fresh.length];
                rig.bus().saveState(MemorySegment.ofArray(state));
                rig.bus().loadState(MemorySegment.ofArray(state));
            }
            if (i % 20_000 == 0) {
                rig.bus().loadState(MemorySegment.ofArray(fresh));
            }
        }
        rig.close();
        rig.bus().loadState(MemorySegment.ofArray(fresh));
        final byte[] after = new byte[fresh.length];
        for (final PciRig.Plugged p : rig.plugged) {
            p.lines().forEach(io.jvmm.ipc.sys.EventFd::drain);
        }
        rig.bus().saveState(MemorySegment.ofArray(after));
        assertArrayEquals(fresh, after);
    }

    /** Declarations of random fields: a reason or a bus, never an exception. */
    @Test
    void devicesThatDeclareAnything() {
        int accepted = 0;
        for (int i = 0; i < ACCESSES / 20; i++) {
            final PciFunction function = new PciFunction(
                    0,
                    random.nextInt(0xFFFF),
                    random.nextInt(0x1_0000),
                    0,
                    0,
                    random.nextInt(0x100_0000),
                    0,
                    1 + random.nextInt(4),
                    QUEUES,
                    4096 << random.nextInt(13),
                    random.nextInt(1024),
                    2 << random.nextInt(4),
                    1024);
            final List<byte[]> capabilities = new ArrayList<>();
            for (int n = random.nextInt(8); n > 0; n--) {
                capabilities.add(capability(function));
            }
            final PciRig one = new PciRig(new FakeEngine(), 1);
            one.plug(1, ONE_DEVICE.devices.getFirst(), function, 3, capabilities);
            accepted += one.declareAll().isEmpty() ? 1 : 0;
            one.bus().close();
            one.plugged.forEach(p -> {
                p.lines().forEach(io.jvmm.ipc.sys.EventFd::close);
                p.intx().close();
                p.again().close();
            });
            one.attention.close();
        }
        assertTrue(accepted > ACCESSES / 1000, "accepted " + accepted);
    }

    private static final PciRig ONE_DEVICE = oneDevice();

    private static PciRig oneDevice() {
        final PciRig rig = new PciRig(new FakeEngine(), 1);
        rig.device("fuzz");
        return rig;
    }

    private byte[] capability(PciFunction function) {
        final int kind = random.nextInt(7);
        final int length = random.nextInt(function.barLengthBytes() + 8);
        byte[] bytes = switch (random.nextInt(4)) {
            case 0 -> PciRig.capability(kind, random.nextInt(function.barLengthBytes()) & ~3, length);
            case 1 -> PciRig.capability(5, 0, 0, 0);
            case 2 ->
                PciRig.capability(
                        2, function.notifyOffset(), function.notifyLengthBytes(), function.notifyMultiplier());
            default -> PciRig.capability(1 + random.nextInt(4), 0, 4);
        };
        if (random.nextInt(6) == 0) {
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
        } else if (random.nextInt(12) == 0) {
            bytes = java.util.Arrays.copyOf(bytes, 4 * (1 + random.nextInt(8)));
        }
        return bytes;
    }
}
