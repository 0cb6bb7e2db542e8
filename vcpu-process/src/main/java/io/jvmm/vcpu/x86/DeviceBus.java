package io.jvmm.vcpu.x86;

import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.ExitView;
import io.jvmm.vcpu.engine.PortHandler;
import io.jvmm.vcpu.x86.apic.Chipset;
import io.jvmm.vcpu.x86.apic.VcpuInterrupts;
import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.TimeSource;
import io.jvmm.vcpu.x86.mmu.DeviceExit;
import io.jvmm.vcpu.x86.mmu.DeviceSpace;
import io.jvmm.vcpu.x86.mmu.HostMemory;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What one vCPU finds where there is no RAM: its local APIC, the chipset and doorbells, answered here; and the board, answered by an exit.
 *
 * <p>IN, OUT and OUTS, which have no other access behind that of the port, are answered at once where the board has named a
 * {@link PortHandler}, as long as nobody wants the processor's attention: an access for which somebody waits goes out, so that nobody waits
 * for more than one.
 *
 * <p>Any other access for the board is noted as the last entry of a log and the instruction is given up by a {@link DeviceExit}. Once the
 * board has answered, the instruction runs again and finds its accesses, in order, in the log: only the first that is not
 * there goes out. So an instruction may have many accesses, and each reaches the board once. What belongs to an earlier item of a repeated
 * string instruction is told by RIP and RCX, which have moved on since. Items of INS and OUTS that lie together in RAM go out in one exit.
 *
 * <p>An instruction with accesses both inside and to the board (MOVS between two such places, of which no software is known) repeats those inside.
 *
 * <p>The vCPU's thread only.
 */
final class DeviceBus implements DeviceSpace, ExitView {
    /** More accesses than any instruction has: FXSAVE and XSAVE write up to 576 bytes, eight or less at a time. */
    private static final int CAPACITY = 256;

    /** Most items of a string instruction that go out at once. */
    private static final int STRING_ITEMS = 1024;

    private static final int PAGE_MASK = 0xfff;

    /** A look at the clock costs a tenth of an access that is answered soon. */
    private static final int ACCESSES_PER_CLOCK_READ = 8;

    private final VcpuInterrupts interrupts;
    private final Chipset chipset;
    private final Doorbells doorbells;
    private final TimeSource time;
    private final Runnable chipsetDeadline;
    private final DeviceExit deviceExit = new DeviceExit();
    private @Nullable Cpu cpu;
    /** Answers IN and OUT at once; null: they are exits. */
    private @Nullable PortHandler ports;
    /** Accesses that were answered at once. */
    private int answered;

    private final ExitKind[] kinds = new ExitKind[CAPACITY];
    private final long[] addresses = new long[CAPACITY];
    private final int[] widths = new int[CAPACITY];
    private final long[] values = new long[CAPACITY];
    /** Items of each: other than 1 only for the last, whose values are then {@link #string}. */
    private final int[] counts = new int[CAPACITY];

    private final long[] string = new long[STRING_ITEMS];
    private int count;
    private int cursor;
    /** RIP and RCX when the instruction was last given up or begun again. */
    private long instruction;

    private long items;
    private String failure = "";

    /**
     * An empty log.
     *
     * @param chipsetDeadline called when the chipset has something to do earlier than was known
     */
    DeviceBus(
            VcpuInterrupts interrupts,
            Chipset chipset,
            Doorbells doorbells,
            TimeSource time,
            Runnable chipsetDeadline) {
        this.interrupts = interrupts;
        this.chipset = chipset;
        this.doorbells = doorbells;
        this.time = time;
        this.chipsetDeadline = chipsetDeadline;
    }

    void attach(Cpu newCpu) {
        cpu = newCpu;
    }

    void answerPorts(PortHandler handler) {
        ports = handler;
    }

    /** Whether an instruction has been given up and is to run again. */
    boolean isPending() {
        return count != 0;
    }

    /** Before the instruction runs again. */
    void rewind(Cpu running) {
        cursor = 0;
        instruction = running.rip;
        items = running.r[Cpu.RCX];
    }

    /** After the instruction has run to its end, or has raised an exception. */
    void clear() {
        count = 0;
        cursor = 0;
    }

    /** After the instruction has been given up (again): forgets what earlier items of it were answered. */
    ExitKind pending(Cpu stopped) {
        if (count == 0) {
            throw new IllegalStateException("a device exit without an access");
        }
        if (stopped.rip != instruction || stopped.r[Cpu.RCX] != items) {
            final int last = count - 1;
            kinds[0] = kinds[last];
            addresses[0] = addresses[last];
            widths[0] = widths[last];
            values[0] = values[last];
            counts[0] = counts[last];
            count = 1;
            instruction = stopped.rip;
            items = stopped.r[Cpu.RCX];
        }
        return kinds[count - 1];
    }

    /**
     * Forgets the pending access if it is the first of its instruction, or of the item of a repeated one: the board has not seen it,
     * and it comes again. After {@link #pending}.
     *
     * @return whether it was
     */
    boolean forgetUnanswered() {
        final boolean first = count == 1;
        if (first) {
            clear();
        }
        return first;
    }

    /** An access of the board: answered from the log, or given up. */
    private long access(ExitKind kind, long address, int widthBytes, long value) {
        if (isLogged(kind, address, widthBytes, 1)) {
            return values[cursor++];
        }
        throw giveUp(kind, address, widthBytes, value, 1);
    }

    private DeviceExit giveUp(ExitKind kind, long address, int widthBytes, long value, int items) {
        if (cursor < count) {
            // Not what was asked before: another processor has changed the instruction or its page tables. Begin anew.
            count = cursor;
        }
        if (count == CAPACITY) {
            throw new IllegalStateException("an instruction with more than " + CAPACITY + " device accesses");
        }
        kinds[count] = kind;
        addresses[count] = address;
        widths[count] = widthBytes;
        values[count] = value;
        counts[count] = items;
        count++;
        return deviceExit;
    }

    private boolean isLogged(ExitKind kind, long address, int widthBytes, int items) {
        return cursor < count
                && kinds[cursor] == kind
                && addresses[cursor] == address
                && widths[cursor] == widthBytes
                && counts[cursor] == items;
    }

    /** How many items of a string instruction go out at once to or from this port; 0: none. */
    private int stringItems(int port, int most) {
        return most < 2 || Chipset.ownsPort(port) || doorbells.hasPort(port) ? 0 : Math.min(most, STRING_ITEMS);
    }

    @Override
    public int inString(int port, int widthBytes, int most, long host) {
        final int wanted = stringItems(port, most);
        if (wanted == 0) {
            return 0;
        }
        if (!isLogged(ExitKind.PIO_READ, port, widthBytes, wanted)) {
            throw giveUp(ExitKind.PIO_READ, port, widthBytes, 0, wanted);
        }
        cursor++;
        for (int i = 0; i < wanted; i++) {
            final long at = host + (long) i * widthBytes;
            switch (widthBytes) {
                case 1 -> HostMemory.put8(at, (int) string[i]);
                case 2 -> HostMemory.put16(at, (int) string[i]);
                default -> HostMemory.put32(at, (int) string[i]);
            }
        }
        return wanted;
    }

    @Override
    public int outString(int port, int widthBytes, int most, long host) {
        final int wanted = stringItems(port, most);
        if (wanted == 0) {
            return 0;
        }
        if (!isLogged(ExitKind.PIO_WRITE, port, widthBytes, wanted)) {
            for (int i = 0; i < wanted; i++) {
                final long at = host + (long) i * widthBytes;
                string[i] = switch (widthBytes) {
                    case 1 -> HostMemory.get8(at);
                    case 2 -> HostMemory.get16(at);
                    default -> HostMemory.get32(at) & 0xffff_ffffL;
                };
            }
            throw giveUp(ExitKind.PIO_WRITE, port, widthBytes, 0, wanted);
        }
        cursor++;
        return wanted;
    }

    @Override
    public long readMemory(long address, int widthBytes) {
        final long page = address & ~PAGE_MASK;
        if (page == interrupts.apic().pageAddress()) {
            return interrupts.readPage((int) address & PAGE_MASK, widthBytes);
        }
        if (page == Chipset.IOAPIC_ADDRESS) {
            return chipset.readIoapic((int) address & PAGE_MASK, widthBytes);
        }
        return truncate(access(ExitKind.MMIO_READ, address, widthBytes, 0), widthBytes);
    }

    @Override
    public void writeMemory(long address, int widthBytes, long value) {
        final long page = address & ~PAGE_MASK;
        if (page == interrupts.apic().pageAddress()) {
            interrupts.writePage((int) address & PAGE_MASK, widthBytes, value);
        } else if (page == Chipset.IOAPIC_ADDRESS) {
            chipset.writeIoapic((int) address & PAGE_MASK, widthBytes, value);
            requestAttention();
        } else {
            final long written = truncate(value, widthBytes);
            if (isLogged(ExitKind.MMIO_WRITE, address, widthBytes, 1)
                    || !doorbells.ring(false, address, widthBytes, written)) {
                access(ExitKind.MMIO_WRITE, address, widthBytes, written);
            }
        }
    }

    @Override
    public int in(int port, int widthBytes) {
        if (Chipset.ownsPort(port)) {
            int value = 0;
            for (int i = 0; i < widthBytes; i++) {
                final int part = Chipset.ownsPort(port + i) ? chipset.readPort(port + i, time.nowNs()) : 0xff;
                value |= part << (i * Byte.SIZE);
            }
            return value;
        }
        final PortHandler handler = ports;
        if (handler == null || mustGoOut()) {
            return ins(port, widthBytes);
        }
        final int value = (int) truncate(handler.readPort(port, widthBytes), widthBytes);
        lookAtTheClock();
        return value;
    }

    @Override
    public int ins(int port, int widthBytes) {
        return Chipset.ownsPort(port)
                ? in(port, widthBytes)
                : (int) truncate(access(ExitKind.PIO_READ, port, widthBytes, 0), widthBytes);
    }

    @Override
    public void out(int port, int widthBytes, int value) {
        if (Chipset.ownsPort(port)) {
            for (int i = 0; i < widthBytes; i++) {
                if (Chipset.ownsPort(port + i)
                        && chipset.writePort(port + i, value >>> (i * Byte.SIZE) & 0xff, time.nowNs())) {
                    chipsetDeadline.run();
                }
            }
            requestAttention();
            return;
        }
        final long written = truncate(value, widthBytes);
        if (isLogged(ExitKind.PIO_WRITE, port, widthBytes, 1) || !doorbells.ring(true, port, widthBytes, written)) {
            final PortHandler handler = ports;
            if (handler == null || mustGoOut()) {
                access(ExitKind.PIO_WRITE, port, widthBytes, written);
            } else {
                handler.writePort(port, widthBytes, written);
                lookAtTheClock();
            }
        }
    }

    /** Whether the instruction is being finished with what the board has answered, or somebody wants this processor to look up. */
    private boolean mustGoOut() {
        final Cpu it = cpu;
        return cursor < count || it == null || it.attention();
    }

    /**
     * The budget counts instructions, but one that waits for a device takes as long as thousands: now and then the deadlines are looked at here.
     */
    private void lookAtTheClock() {
        answered++;
        if (answered % ACCESSES_PER_CLOCK_READ == 0 && interrupts.nextDeadlineNs() <= time.nowNs()) {
            requestAttention();
        }
    }

    /** The interrupt to take may be another one now. */
    private void requestAttention() {
        final Cpu it = cpu;
        if (it != null) {
            it.requestAttention();
        }
    }

    private static long truncate(long value, int widthBytes) {
        return widthBytes == Long.BYTES ? value : value & ((1L << (widthBytes * Byte.SIZE)) - 1);
    }

    // ---- the exit, as the board sees it: the last entry ----

    private int last() {
        if (count == 0) {
            throw new IllegalStateException("no access is pending");
        }
        return count - 1;
    }

    @Override
    public long address() {
        return addresses[last()];
    }

    @Override
    public int widthBytes() {
        return widths[last()];
    }

    @Override
    public int count() {
        return counts[last()];
    }

    @Override
    public long value(int index) {
        final int last = last();
        Objects.checkIndex(index, counts[last]);
        return counts[last] == 1 ? values[last] : string[index];
    }

    @Override
    public void complete(int index, long value) {
        final int last = last();
        Objects.checkIndex(index, counts[last]);
        if (counts[last] == 1) {
            values[last] = value;
        } else {
            string[index] = value;
        }
    }

    void fail(String reason) {
        failure = reason;
    }

    @Override
    public String failure() {
        return failure;
    }
}
