package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.interp.Region;
import io.jvmm.vcpu.x86.mmu.DeviceExit;
import io.jvmm.vcpu.x86.mmu.GuestException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/** Runs the same program as regions and instruction by instruction, and compares after every run of a region. */
final class LockStep {
    final Guest translated;
    final Guest interpreted;
    private final SplittableRandom random;
    long instructions;
    long runs;
    long faults;
    long strays;

    LockStep(Arena arena, TranslatorOptions options, SplittableRandom random) {
        this.translated = new Guest(arena, options);
        this.interpreted = new Guest(arena, options);
        this.random = random;
    }

    void load(byte[] code) {
        translated.load(code);
        interpreted.load(code);
        final byte[] data = new byte[Guest.DATA_BYTES];
        random.nextBytes(data);
        MemorySegment.copy(data, 0, translated.ram, ValueLayout.JAVA_BYTE, Guest.DATA, data.length);
        MemorySegment.copy(data, 0, interpreted.ram, ValueLayout.JAVA_BYTE, Guest.DATA, data.length);
        translated.discover(Guest.CODE);
        translated.cpu.rip = Guest.CODE;
        interpreted.cpu.rip = Guest.CODE;
    }

    /** Random registers and flags; a register is often an address of data. */
    void randomise() {
        for (int i = 0; i < 16; i++) {
            final long value = switch (random.nextInt(8)) {
                case 0 -> random.nextLong();
                case 1 -> random.nextLong(-4, 5);
                case 2 -> random.nextInt();
                case 3 -> Long.MIN_VALUE >> random.nextInt(64);
                default -> Guest.DATA + random.nextLong(Guest.DATA_BYTES);
            };
            translated.cpu.r[i] = value;
            interpreted.cpu.r[i] = value;
        }
        final int flags = random.nextInt();
        translated.cpu.setStatusFlags(flags);
        interpreted.cpu.setStatusFlags(flags);
        randomiseVectors();
        for (int s = 4; s < 6; s++) {
            final long base = random.nextInt(0, 256);
            translated.cpu.segments[s].base = base;
            interpreted.cpu.segments[s].base = base;
        }
    }

    /** Numbers, mostly near one another, and other bits; mostly the precision exception has been met before. */
    private void randomiseVectors() {
        for (int i = 0; i < 32; i++) {
            final long value = switch (random.nextInt(8)) {
                case 0 -> 0;
                case 1 -> random.nextLong();
                case 2 -> random.nextInt(-100, 100);
                case 3 -> Float.floatToRawIntBits(random.nextFloat() * 100 - 50) & 0xffff_ffffL;
                case 4 -> Double.doubleToRawLongBits(random.nextInt(-1000, 1000) / 8.0);
                default -> Double.doubleToRawLongBits(random.nextDouble() * 2000 - 1000);
            };
            translated.cpu.xmm[i] = value;
            interpreted.cpu.xmm[i] = value;
        }
        final int mxcsr = switch (random.nextInt(8)) {
            case 0 -> 0x1f80;
            case 1 -> random.nextInt(0x10000);
            case 2 -> 0x1fa0 | random.nextInt(4) << 13;
            default -> 0x1fa0;
        };
        translated.cpu.mxcsr = mxcsr;
        interpreted.cpu.mxcsr = mxcsr;
    }

    private void restart() {
        randomise();
        translated.cpu.rip = Guest.CODE;
        interpreted.cpu.rip = Guest.CODE;
    }

    /** Executes about so many instructions from where the processors are. */
    void run(long count, int budget) {
        final long end = instructions + faults + strays + count;
        while (instructions + faults + strays < end) {
            final long rip = translated.cpu.rip;
            final Region region = translated.regionAt(rip);
            if (region == null) {
                // Control has left the program, by a return to anywhere or by code that has overwritten itself: start
                // again.
                strays++;
                restart();
                continue;
            }
            final long before = translated.cpu.retired;
            translated.cpu.budget = random.nextInt(1, budget + 1);
            final int budgetBefore = translated.cpu.budget;
            translated.cpu.blockRip = rip;
            Throwable thrown = null;
            try {
                region.run(translated.cpu);
            } catch (GuestException | DeviceExit e) {
                thrown = e;
            }
            final long done = translated.cpu.retired - before;
            runs++;
            instructions += done;
            // An instruction may set the budget to nothing, so that the executor looks for interrupts: a program that
            // overwrites itself comes by STI or MOV to SS.
            if (budgetBefore - translated.cpu.budget != done && translated.cpu.budget != -done) {
                throw new AssertionError(String.format(
                        "from %x to %x (%s): %d instructions of budget %d spent, %d retired",
                        rip, translated.cpu.rip, thrown, budgetBefore - translated.cpu.budget, budgetBefore, done));
            }
            for (long i = 0; i < done; i++) {
                interpreted.step();
            }
            if (thrown != null) {
                faults++;
                compareFault(thrown);
            } else if (done == 0) {
                throw new AssertionError("no progress at " + Long.toHexString(rip));
            }
            compare(rip, done);
            if (thrown != null) {
                randomise();
                // On behind the instruction, or from the start.
                final long from = random.nextInt(3) == 0
                        ? Guest.CODE
                        : interpreted.cpu.rip + interpreted.lengthAt(interpreted.cpu.rip);
                translated.cpu.rip = from;
                interpreted.cpu.rip = from;
            }
        }
    }

    private void compareFault(Throwable thrown) {
        final GuestException ours = translated.cpu.exception;
        final String said = thrown instanceof GuestException ? describe(ours) : "device";
        String theirs = "nothing";
        try {
            interpreted.step();
        } catch (GuestException e) {
            theirs = describe(e);
        } catch (DeviceExit e) {
            theirs = "device";
        }
        if (!said.equals(theirs)) {
            throw new AssertionError(
                    said + " but interpreted " + theirs + " at " + Long.toHexString(interpreted.cpu.rip));
        }
        if (said.startsWith("14/") && translated.mmu.faultAddress() != interpreted.mmu.faultAddress()) {
            throw new AssertionError("CR2");
        }
    }

    private static String describe(GuestException e) {
        return e.vector() + "/" + e.errorCode();
    }

    private void compare(long from, long done) {
        final StringBuilder difference = new StringBuilder();
        for (int i = 0; i < 16; i++) {
            differ(difference, "r" + i, translated.cpu.r[i], interpreted.cpu.r[i]);
        }
        for (int i = 0; i < 32; i++) {
            differ(
                    difference,
                    "xmm" + (i >> 1) + (i % 2 == 0 ? "" : "h"),
                    translated.cpu.xmm[i],
                    interpreted.cpu.xmm[i]);
        }
        differ(difference, "mxcsr", translated.cpu.mxcsr, interpreted.cpu.mxcsr);
        differ(difference, "rip", translated.cpu.rip, interpreted.cpu.rip);
        differ(difference, "flags", translated.cpu.flags(), interpreted.cpu.flags());
        if (!difference.isEmpty()) {
            throw new AssertionError(String.format(
                    "translated is not interpreted, %d instructions from %x to %x:%s",
                    done, from, interpreted.cpu.rip, difference));
        }
    }

    void compareMemory() {
        final long at = translated
                .ram
                .asSlice(Guest.DATA, Guest.DATA_BYTES)
                .mismatch(interpreted.ram.asSlice(Guest.DATA, Guest.DATA_BYTES));
        if (at >= 0) {
            throw new AssertionError("memory differs at " + Long.toHexString(Guest.DATA + at));
        }
    }

    private static void differ(StringBuilder into, String name, long a, long b) {
        if (a != b) {
            into.append(String.format(" %s %x not %x", name, a, b));
        }
    }
}
