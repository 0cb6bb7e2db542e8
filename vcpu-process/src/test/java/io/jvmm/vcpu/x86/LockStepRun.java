package io.jvmm.vcpu.x86;

import io.jvmm.vcpu.x86.cpu.CpuState;
import io.jvmm.vcpu.x86.cpu.CpuStateLayout;
import io.jvmm.vcpu.x86.interp.Executor.Stop;
import io.jvmm.vcpu.x86.translate.ImmediateTranslation;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Runs a machine that translates and one that interprets in slices of random length: the first as far as it likes, the second to
 * exactly the same count of instructions and events. Then all registers must be alike, the accesses to devices, and now and then
 * all of memory. Between two slices both are told the same time.
 */
final class LockStepRun {
    /** The two are not alike. */
    static final class Difference extends Exception {
        private static final long serialVersionUID = 1;
        /** From which slice on a closer look finds it. */
        final long slice;
        /** Guest-physical address of what differs, or -1 where it is not memory. */
        final long address;

        Difference(String text, long slice, long address) {
            super(text);
            this.slice = slice;
            this.address = address;
        }
    }

    /** No slice, no address. */
    static final long NONE = -1;

    private static final int SHORTEST = 200;
    private static final int PAGE_BYTES = 4096;
    private static final int MOST_TRACED = 100;

    private LockStepMachine translated;
    private LockStepMachine interpreted;
    private final MemorySegment[] memories;
    private final SplittableRandom random;
    private final int longest;
    private final long checkEvery;
    private final MemorySegment left = MemorySegment.ofArray(new byte[CpuState.BYTES]);
    private final MemorySegment right = MemorySegment.ofArray(new byte[CpuState.BYTES]);
    private final List<String> trace = new ArrayList<>();
    private long closeFrom = Long.MAX_VALUE;
    private long watched = NONE;
    private long slice;
    private long checkedSlice;
    private long nextCheck;
    private long startRip;
    private int replaceEvery;
    private long nextReplacement = NONE;
    private long replacements;
    private boolean replacesInterpreted;
    private @Nullable Supplier<ImmediateTranslation> translations;

    /**
     * A run that has not begun.
     *
     * @param memories RAM from address 0, of the machine that translates and of the other
     * @param longest most instructions of a slice
     * @param checkEvery instructions after which all memory is compared
     */
    LockStepRun(
            LockStepMachine translated,
            LockStepMachine interpreted,
            MemorySegment[] memories,
            long seed,
            int longest,
            long checkEvery) {
        this.translated = translated;
        this.interpreted = interpreted;
        this.memories = memories;
        this.random = new SplittableRandom(seed);
        this.longest = longest;
        this.checkEvery = checkEvery;
    }

    /** From this slice on compares after every run of a block or region, also the page of {@code address}. */
    void lookCloser(long fromSlice, long address) {
        closeFrom = fromSlice;
        watched = address < 0 ? NONE : address & -PAGE_BYTES;
    }

    /**
     * After every so many slices on average, one of the two, or both in turn, are saved, and machines that are loaded with that take their
     * places.
     *
     * @param newTranslation for the machine that translates; null to leave that one alone
     * @param alsoInterpreted whether the machine that interprets is replaced
     */
    void replaceEvery(int slices, @Nullable Supplier<ImmediateTranslation> newTranslation, boolean alsoInterpreted) {
        replaceEvery = slices;
        translations = newTranslation;
        replacesInterpreted = alsoInterpreted;
        nextReplacement = slice + random.nextInt(1, 2 * slices);
    }

    /** How many machines have been loaded. */
    long replacements() {
        return replacements;
    }

    /** Instructions compared. */
    long retired() {
        return interpreted.cpu.retired;
    }

    /**
     * Runs until the guest has ended the machine, or this many instructions.
     *
     * @return whether the guest has ended it
     */
    boolean run(long instructions) throws Difference {
        while (!translated.board.hasEnded()) {
            if (retired() >= instructions) {
                checkMemory();
                return false;
            }
            final long before = translated.used();
            final Stop stop = runSlice(random.nextInt(SHORTEST, longest));
            if (stop == Stop.SHUTDOWN) {
                break;
            }
            passTime(stop, translated.used() - before);
            slice++;
            if (slice == nextReplacement) {
                replace();
            }
            if (retired() >= nextCheck) {
                nextCheck = retired() + checkEvery;
                checkMemory();
            }
        }
        checkMemory();
        return true;
    }

    private void replace() throws Difference {
        nextReplacement = slice + random.nextInt(1, 2 * replaceEvery);
        final MemorySegment state = translated.state();
        final Supplier<ImmediateTranslation> maker = translations;
        if (maker != null) {
            translated = translated.successor(maker.get());
            replacements++;
        }
        if (replacesInterpreted) {
            interpreted = interpreted.successor(null);
            replacements++;
        }
        compare();
        // Processors are alike; now their controllers and timers.
        if (state.mismatch(translated.state()) >= 0) {
            throw difference("what is saved is not what was loaded, from byte " + state.mismatch(translated.state()));
        }
        final long at = state.mismatch(interpreted.state());
        if (at >= 0) {
            throw difference("controllers, from byte " + at + " of the state");
        }
    }

    private Stop runSlice(int count) throws Difference {
        final long end = translated.used() + count;
        final boolean close = slice >= closeFrom;
        Stop stop;
        do {
            startRip = translated.cpu.rip;
            trace.clear();
            stop = translated.run(close ? 1 : end - translated.used());
            final Stop other = interpreted.runTo(translated.used(), close ? trace::add : null);
            if (other != Stop.BUDGET) {
                throw difference("the interpreter stops early: " + other);
            }
            compare();
            if (stop == Stop.DEVICE) {
                if (interpreted.executor.step() != Stop.DEVICE) {
                    throw difference("only translated code meets a device: " + translated.access());
                }
                answer();
                compare();
            } else if (stop == Stop.SHUTDOWN && interpreted.executor.step() != stop) {
                throw difference("only translated code shuts down");
            }
            if (close && watched != NONE) {
                checkMemory(watched, PAGE_BYTES);
            }
        } while (close && stop == Stop.BUDGET && translated.used() < end);
        return stop;
    }

    private void answer() throws Difference {
        boolean again = true;
        while (again) {
            final String access = translated.access();
            if (!access.equals(interpreted.access())) {
                throw difference("accesses " + access + " but interpreted " + interpreted.access());
            }
            again = translated.answer();
            if (interpreted.answer() != again) {
                throw difference("one goes on after " + access);
            }
        }
    }

    private void passTime(Stop stop, long passed) throws Difference {
        final long deadline = translated.interrupts.nextDeadlineNs();
        if (deadline != interpreted.interrupts.nextDeadlineNs()) {
            throw difference("deadline");
        }
        long now = translated.nowNs() + passed;
        if (stop == Stop.HALTED && !translated.interrupts.isInterruptPending()) {
            if (deadline == Long.MAX_VALUE) {
                throw difference("halts for good");
            }
            now = Math.max(now, deadline);
        }
        translated.advanceTime(now);
        interpreted.advanceTime(now);
    }

    private void compare() throws Difference {
        CpuState.save(translated.cpu, left);
        CpuState.save(interpreted.cpu, right);
        if (left.mismatch(right) >= 0) {
            throw difference("registers");
        }
        if (translated.cpu.modeKey != interpreted.cpu.modeKey || translated.used() != interpreted.used()) {
            throw difference("mode or count");
        }
    }

    private void checkMemory() throws Difference {
        checkMemory(0, memories[0].byteSize());
        checkedSlice = slice;
    }

    private void checkMemory(long from, long length) throws Difference {
        final long at = memories[0].asSlice(from, length).mismatch(memories[1].asSlice(from, length));
        if (at >= 0) {
            final long address = from + (at & -8);
            throw new Difference(
                    describe("memory at " + Long.toHexString(address) + ": " + bytes(0, address) + " but interpreted "
                            + bytes(1, address)),
                    checkedSlice,
                    address);
        }
    }

    private String bytes(int machine, long address) {
        final byte[] bytes = new byte[8];
        MemorySegment.copy(memories[machine], address, MemorySegment.ofArray(bytes), 0, bytes.length);
        return HexFormat.ofDelimiter(" ").formatHex(bytes);
    }

    private Difference difference(String what) {
        return new Difference(describe(what), slice, NONE);
    }

    private String describe(String what) {
        final StringBuilder text = new StringBuilder(String.format(
                "%s, slice %,d, from %x, %,d instructions (interpreted %,d)%n",
                what, slice, startRip, translated.cpu.retired, interpreted.cpu.retired));
        CpuState.save(translated.cpu, left);
        CpuState.save(interpreted.cpu, right);
        long at = 0;
        for (final MemoryLayout field : CpuStateLayout.STATE_V1.memberLayouts()) {
            for (long i = 0; i < field.byteSize(); i += 8) {
                final long bytes = Math.min(8, field.byteSize() - i);
                if (left.asSlice(at + i, bytes).mismatch(right.asSlice(at + i, bytes)) >= 0) {
                    text.append(String.format(
                            "  %s[%d] %s but interpreted %s%n",
                            field.name().orElse("padding"),
                            i / 8,
                            value(left.asSlice(at + i, bytes)),
                            value(right.asSlice(at + i, bytes))));
                }
            }
            at += field.byteSize();
        }
        text.append("  now at ")
                .append(interpreted.describe(interpreted.cpu.rip))
                .append('\n');
        trace.stream()
                .skip(Math.max(0, trace.size() - MOST_TRACED))
                .forEach(line -> text.append("    ").append(line).append('\n'));
        return text.toString();
    }

    private static String value(MemorySegment bytes) {
        final byte[] reversed = new byte[(int) bytes.byteSize()];
        for (int i = 0; i < reversed.length; i++) {
            reversed[i] = bytes.get(ValueLayout.JAVA_BYTE, reversed.length - 1 - i);
        }
        return HexFormat.of().formatHex(reversed);
    }
}
