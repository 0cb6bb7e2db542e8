package io.jvmm.vcpu.x86.apic;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.vcpu.state.StateCursor;
import io.jvmm.vcpu.x86.mmu.GuestException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A guest that does anything to its interrupt controllers and timers: local APICs by page and by MSR, IOAPIC, 8259s, 8254 and its port
 * 61, at any offset, width and time, while lines and messages come in. Nothing but a #GP comes of it; each timer, served, looks ahead;
 * nobody calls back without end. {@code -Djvmm.fuzz.controllers=20000000} makes it a longer run, {@code -Djvmm.seed=N} the same one again.
 */
@Timeout(value = 3600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ControllerFuzzTest {
    private static final int ACCESSES = Integer.getInteger("jvmm.fuzz.controllers", 400_000);
    private static final long SEED = TestSeed.next();
    private static final int VCPUS = 3;
    private static final int STATE_BYTES = 4096;
    private static final int[] WIDTHS = {1, 2, 4, 8};
    private static final int[] PORTS = {0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0x40, 0x41, 0x42, 0x43, 0x61};
    private static final int[] MSRS = {0x1b, 0x6e0};
    /** More of them in one access than all vCPUs and pins can want means that it does not end. */
    private static final int MOST_CALLS = 10_000;

    private final Random random = new Random(SEED);
    private final ApicBus bus = new ApicBus(VCPUS);
    private final List<VcpuInterrupts> vcpus = new ArrayList<>();
    private final List<LocalApic> apics = new ArrayList<>();
    private final Chipset chipset;
    private long nowNs = 1_000_000_000L;
    private long calls;
    private int refused;

    ControllerFuzzTest() {
        chipset = new Chipset(bus, _ -> calls++);
        for (int i = 0; i < VCPUS; i++) {
            final LocalApic apic = new LocalApic(i, bus, () -> calls++);
            apics.add(apic);
            vcpus.add(new VcpuInterrupts(apic, chipset, () -> nowNs, new GuestException()));
        }
    }

    private long value() {
        return switch (random.nextInt(6)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> 1L << random.nextInt(64);
            case 3 -> random.nextInt(256);
            case 4 -> random.nextInt() & 0xFFFF_FFFFL;
            default -> random.nextLong();
        };
    }

    private void access() {
        final VcpuInterrupts vcpu = vcpus.get(random.nextInt(VCPUS));
        final int width = WIDTHS[random.nextInt(4)];
        final int offset = random.nextInt(4) == 0 ? random.nextInt(4096 - width + 1) : random.nextInt(64) << 4;
        switch (random.nextInt(14)) {
            case 0, 1, 2 -> vcpu.writePage(Math.min(offset, 4096 - width), width, value());
            case 3 -> inWidth(vcpu.readPage(Math.min(offset, 4096 - width), width), width);
            case 4 -> vcpu.writeMsr(msr(), value());
            case 5 -> vcpu.readMsr(msr());
            case 6 -> chipset.writePort(PORTS[random.nextInt(PORTS.length)], random.nextInt(256), nowNs);
            case 7 -> {
                final int read = chipset.readPort(PORTS[random.nextInt(PORTS.length)], nowNs);
                assertTrue(read >= 0 && read <= 255, "port read " + read);
            }
            case 8 -> chipset.writeIoapic(ioapic(), width, value());
            case 9 -> chipset.writeIoapic(0, 4, random.nextInt(0x48));
            case 10 -> inWidth(chipset.readIoapic(ioapic(), width), width);
            case 11 -> lines();
            case 12 -> take(vcpu);
            default -> time();
        }
    }

    private static void inWidth(long value, int width) {
        assertTrue(width >= 4 ? value >>> 32 == 0 : value >>> (8 * width) == 0, "bits above the width");
    }

    private int msr() {
        return random.nextInt(3) == 0 ? MSRS[random.nextInt(MSRS.length)] : 0x800 + random.nextInt(0x100);
    }

    private int ioapic() {
        return random.nextInt(3) == 0 ? random.nextInt(4089) : 0x10;
    }

    private void lines() {
        switch (random.nextInt(3)) {
            case 0 -> chipset.pulse(random.nextInt(Chipset.GSIS));
            case 1 -> chipset.assertLevel(random.nextInt(Chipset.GSIS));
            default -> bus.deliverMsi(0xfee0_0000L | random.nextInt(1 << 20), random.nextInt(1 << 16));
        }
    }

    private void take(VcpuInterrupts vcpu) {
        if (vcpu.isInterruptPending()) {
            final int vector = vcpu.acknowledge();
            assertTrue(vector >= 0 && vector <= 255, "vector " + vector);
        }
        vcpu.takeNmi();
        vcpu.setTaskPriority(random.nextInt(16));
        assertTrue(vcpu.taskPriority() <= 15);
    }

    /** Time passes; who wants to be called is called once, and then wants it later. */
    private void time() {
        nowNs += random.nextInt(5) == 0 ? 1L << random.nextInt(36) : random.nextInt(10_000);
        chipset.tick(nowNs);
        assertTrue(chipset.nextDeadlineNs() > nowNs, "the chipset's deadline stands still");
        for (final VcpuInterrupts vcpu : vcpus) {
            if (vcpu.nextDeadlineNs() <= nowNs) {
                vcpu.tick(nowNs);
                assertTrue(vcpu.nextDeadlineNs() > nowNs, "a local APIC's deadline stands still");
            }
        }
    }

    private byte[] save() {
        final MemorySegment bytes = MemorySegment.ofArray(new byte[STATE_BYTES]);
        transfer(StateCursor.saving(bytes));
        return bytes.toArray(ValueLayout.JAVA_BYTE);
    }

    private void transfer(StateCursor state) {
        chipset.transfer(state, nowNs);
        for (final LocalApic apic : apics) {
            apic.transfer(state, nowNs);
        }
    }

    @Test
    void aGuestThatDoesAnything() {
        System.out.println("ControllerFuzzTest: seed " + SEED + ", " + ACCESSES + " accesses");
        for (int i = 0; i < ACCESSES; i++) {
            final long before = calls;
            try {
                access();
            } catch (GuestException e) {
                refused++;
            } catch (RuntimeException | Error e) {
                throw new AssertionError("access " + i, e);
            }
            assertTrue(calls - before < MOST_CALLS, "access " + i + " made " + (calls - before) + " calls");
            if (i % 5_000 == 0) {
                final byte[] state = save();
                transfer(StateCursor.loading(MemorySegment.ofArray(state)));
                assertArrayEquals(state, save(), "access " + i + ": what is saved can be loaded");
            }
        }
        System.out.println(refused + " were refused with #GP");
        assertTrue(refused > ACCESSES / 100);
    }
}
