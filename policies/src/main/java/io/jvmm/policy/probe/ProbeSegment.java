package io.jvmm.policy.probe;

import io.jvmm.ipc.sys.ProbeLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The supervisor's hand on a {@link ProbeLayout} segment: writes down what a process is to try and reads what came of it. What it
 * reads comes from a process that is being tested, not from one that is trusted; nothing is believed beyond the answers.
 */
public final class ProbeSegment {
    private static final int PAGE = 4096;
    private static final int OWN_PAGE = ProbeLayout.SEGMENT_BYTES - 4 * PAGE;
    private static final int SPARE_PAGE = ProbeLayout.SEGMENT_BYTES - 2 * PAGE;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final int MOST_ARGUMENTS = 6;
    private static final int PPOLL = 271;
    private static final int POLLFD_BYTES = 8;
    private static final int POLL_NOT_OPEN = 0x20;
    private static final int AT_ONCE = 64;

    private final MemorySegment segment;
    private final Map<ProbeArgument.Known, Long> known;
    private int calls;
    private int relocations;
    private int heap = ProbeLayout.HEAP;
    private int polled = -1;

    /**
     * Over a mapped segment of {@link ProbeLayout#SEGMENT_BYTES} zeros.
     *
     * @param known what the named arguments stand for
     */
    public ProbeSegment(MemorySegment segment, Map<ProbeArgument.Known, Long> known) {
        this.segment = segment;
        this.known = Map.copyOf(known);
    }

    /**
     * What the kernel would see of a call's arguments in the process of this segment, which has said where it has mapped it.
     */
    public long[] wouldBe(ProbeCall call) {
        MemorySegment scratch = MemorySegment.ofArray(new byte[ProbeLayout.SEGMENT_BYTES]);
        scratch.set(LONG, ProbeLayout.ADDRESS, segment.get(LONG, ProbeLayout.ADDRESS));
        ProbeSegment alone = new ProbeSegment(scratch, known);
        return alone.arguments(alone.add(call));
    }

    /** Adds a call; its index is counted from 0. */
    public int add(ProbeCall call) {
        long[] arguments = new long[MOST_ARGUMENTS];
        int relative = 0;
        for (int i = 0; i < call.arguments().size(); i++) {
            ProbeArgument argument = call.arguments().get(i);
            arguments[i] = place(argument);
            relative |= isAddress(argument) ? 1 << i : 0;
        }
        return add(call.number(), call.door(), relative, arguments);
    }

    private int add(int number, ProbeCall.Door door, int relative, long... arguments) {
        if (calls == ProbeLayout.MOST_CALLS) {
            throw new IllegalStateException("a probe has at most " + calls + " calls");
        }
        int at = ProbeLayout.call(calls);
        segment.set(LONG, at, number);
        for (int i = 0; i < arguments.length; i++) {
            segment.set(LONG, at + ProbeLayout.ARGUMENTS + i * Long.BYTES, arguments[i]);
        }
        segment.set(INT, at + ProbeLayout.FLAGS, relative | door.code() << ProbeLayout.DOOR_SHIFT);
        segment.set(INT, ProbeLayout.CALLS, ++calls);
        return calls - 1;
    }

    /** Adds a look at every descriptor number below {@code count}: poll(2) says of each whether it is open. */
    public void addDescriptors(int count) {
        polled = heap;
        heap += count * POLLFD_BYTES;
        int zeroTime = heap;
        heap += 2 * Long.BYTES;
        checkHeap();
        for (int fd = 0; fd < count; fd++) {
            segment.set(INT, polled + (long) fd * POLLFD_BYTES, fd);
        }
        for (int first = 0; first < count; first += AT_ONCE) {
            add(
                    PPOLL,
                    ProbeCall.Door.SYSCALL,
                    0b101,
                    polled + (long) first * POLLFD_BYTES,
                    Math.min(AT_ONCE, count - first),
                    zeroTime,
                    0,
                    0,
                    0);
        }
    }

    /** The descriptor numbers below {@code count} that are open inside; after {@link #addDescriptors} has been carried out. */
    public List<Integer> openDescriptors(int count) {
        List<Integer> open = new ArrayList<>();
        for (int fd = 0; fd < count; fd++) {
            int answer = segment.get(INT, polled + (long) fd * POLLFD_BYTES + Integer.BYTES) >>> Short.SIZE;
            if ((answer & POLL_NOT_OPEN) == 0) {
                open.add(fd);
            }
        }
        return open;
    }

    /** The arguments of a call as the kernel saw them: with the addresses of the process. */
    public long[] arguments(int index) {
        long base = segment.get(LONG, ProbeLayout.ADDRESS);
        int at = ProbeLayout.call(index);
        int flags = segment.get(INT, at + ProbeLayout.FLAGS);
        long[] arguments = new long[MOST_ARGUMENTS];
        for (int i = 0; i < MOST_ARGUMENTS; i++) {
            long given = segment.get(LONG, at + ProbeLayout.ARGUMENTS + i * Long.BYTES);
            arguments[i] = (flags >>> i & 1) != 0 ? base + given : given;
        }
        return arguments;
    }

    /** 0 not tried yet, {@link ProbeLayout#STATE_ENTERED} or {@link ProbeLayout#STATE_RETURNED}. */
    public int state(int index) {
        return segment.get(INT, ProbeLayout.call(index) + ProbeLayout.STATE);
    }

    /** What a call returned: a negated errno for an error. */
    public long result(int index) {
        return segment.get(LONG, ProbeLayout.call(index) + ProbeLayout.RESULT);
    }

    public int calls() {
        return calls;
    }

    private static boolean isAddress(ProbeArgument argument) {
        return argument instanceof ProbeArgument.Address || argument instanceof ProbeArgument.Page;
    }

    /** The number that stands for an argument: an offset for an address. */
    private long place(ProbeArgument argument) {
        return switch (argument) {
            case ProbeArgument.Value(long value) -> value;
            case ProbeArgument.Named(ProbeArgument.Known name) -> known.getOrDefault(name, 0L);
            case ProbeArgument.Page(boolean spare) -> spare ? SPARE_PAGE : OWN_PAGE;
            case ProbeArgument.Address(List<ProbeArgument.Field> fields) -> {
                int start = (heap + 7) & ~7;
                heap = start;
                for (ProbeArgument.Field field : fields) {
                    heap += field.widthBytes() * field.count();
                }
                checkHeap();
                write(start, fields);
                yield start;
            }
        };
    }

    private void write(int start, List<ProbeArgument.Field> fields) {
        int at = start;
        for (ProbeArgument.Field field : fields) {
            long value = place(field.what());
            if (isAddress(field.what())) {
                relocate(at);
            }
            for (int n = 0; n < field.count(); n++, at += field.widthBytes()) {
                switch (field.widthBytes()) {
                    case 1 -> segment.set(ValueLayout.JAVA_BYTE, at, (byte) value);
                    case 2 -> segment.set(ValueLayout.JAVA_SHORT_UNALIGNED, at, (short) value);
                    case 4 -> segment.set(INT, at, (int) value);
                    default -> segment.set(LONG, at, value);
                }
            }
        }
    }

    private void relocate(int offset) {
        if (relocations == ProbeLayout.MOST_RELOCATIONS) {
            throw new IllegalStateException("a probe has at most " + relocations + " addresses in structures");
        }
        segment.set(INT, ProbeLayout.FIRST_RELOCATION + (long) relocations * Integer.BYTES, offset);
        segment.set(INT, ProbeLayout.RELOCATIONS, ++relocations);
    }

    private void checkHeap() {
        if (heap > OWN_PAGE) {
            throw new IllegalStateException("the arguments of a probe take more than " + OWN_PAGE + " bytes");
        }
    }
}
