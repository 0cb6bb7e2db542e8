package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.mmu.HostMemory;
import io.jvmm.vcpu.x86.mmu.Mmu;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;

/**
 * Runs of items of repeated string instructions, upwards, within one page of RAM on each side: nothing can fault once the run has begun. Each
 * returns how many items it did, 0 when there can be no such run (the item crosses a page, or is a device's, or its page holds
 * decoded code); a fault is that of the first item.
 */
final class StringStepsRun {
    private static final int PAGE_MASK = PhysicalMemory.PAGE_BYTES - 1;

    private StringStepsRun() {}

    /** Whole items from here to the end of the page, at most so many. */
    private static int within(long linear, int bytes, int most) {
        return Math.min(most, (PhysicalMemory.PAGE_BYTES - (int) (linear & PAGE_MASK)) / bytes);
    }

    private static long get(long host, int bytes) {
        return switch (bytes) {
            case 1 -> HostMemory.get8(host);
            case 2 -> HostMemory.get16(host);
            case 4 -> HostMemory.get32(host) & 0xffff_ffffL;
            default -> HostMemory.get64(host);
        };
    }

    private static void put(long host, int bytes, long value) {
        switch (bytes) {
            case 1 -> HostMemory.put8(host, (int) value);
            case 2 -> HostMemory.put16(host, (int) value);
            case 4 -> HostMemory.put32(host, (int) value);
            default -> HostMemory.put64(host, value);
        }
    }

    /** MOVS. A destination a little above its source repeats the bytes between the two, as item after item does. */
    static int move(Mmu mmu, long source, long destination, int bytes, int most) {
        final int items = within(destination, bytes, within(source, bytes, most));
        if (items == 0) {
            return 0;
        }
        final int length = items * bytes;
        final long from = mmu.hostForRead(source, length);
        final long to = mmu.hostForWrite(destination, length);
        if (from == 0 || to == 0) {
            return 0;
        }
        if (to > from && to < from + length) {
            for (int i = 0; i < length; i += bytes) {
                put(to + i, bytes, get(from + i, bytes));
            }
        } else {
            HostMemory.copy(from, to, length);
        }
        return items;
    }

    /** INS: what a port gives, in one go where there is a device that takes it so. */
    static int input(Cpu cpu, long destination, int bytes, int most) {
        final int items = within(destination, bytes, most);
        final int port = PortSteps.checkedPort(cpu, bytes);
        final long to = items == 0 ? 0 : cpu.mmu.hostForWrite(destination, items * bytes);
        return to == 0 ? 0 : cpu.devices.inString(port, bytes, items, to);
    }

    /** OUTS. */
    static int output(Cpu cpu, long source, int bytes, int most) {
        final int items = within(source, bytes, most);
        final int port = PortSteps.checkedPort(cpu, bytes);
        final long from = items == 0 ? 0 : cpu.mmu.hostForRead(source, items * bytes);
        return from == 0 ? 0 : cpu.devices.outString(port, bytes, items, from);
    }

    /** STOS. */
    static int store(Mmu mmu, long destination, int bytes, int most, long value) {
        final int items = within(destination, bytes, most);
        if (items == 0) {
            return 0;
        }
        final int length = items * bytes;
        final long to = mmu.hostForWrite(destination, length);
        if (to == 0) {
            return 0;
        }
        final long pattern = repeated(value, bytes);
        if (pattern == (pattern & 0xff) * 0x0101_0101_0101_0101L) {
            HostMemory.fill(to, length, (int) pattern);
        } else {
            for (int i = 0; i < length; i += bytes) {
                put(to + i, bytes, value);
            }
        }
        return items;
    }

    private static long repeated(long value, int bytes) {
        return switch (bytes) {
            case 1 -> (value & 0xff) * 0x0101_0101_0101_0101L;
            case 2 -> (value & 0xffff) * 0x0001_0001_0001_0001L;
            case 4 -> (value & 0xffff_ffffL) * 0x0000_0001_0000_0001L;
            default -> value;
        };
    }

    /** CMPS: to the first item at which the comparison ends the repetition; leaves the flags of the last. */
    static int compare(Cpu cpu, long source, long destination, int bytes, int most, boolean whileEqual) {
        final int items = within(destination, bytes, within(source, bytes, most));
        if (items == 0) {
            return 0;
        }
        final long first = cpu.mmu.hostForRead(source, items * bytes);
        final long second = cpu.mmu.hostForRead(destination, items * bytes);
        if (first == 0 || second == 0) {
            return 0;
        }
        int done = 0;
        long a;
        long b;
        do {
            a = get(first + (long) done * bytes, bytes);
            b = get(second + (long) done * bytes, bytes);
            done++;
        } while (done < items && (a == b) == whileEqual);
        cpu.setLazy(Flags.SUB + IntegerSteps.log2(bytes), a - b, b);
        return done;
    }

    /** SCAS: the same against the accumulator. */
    static int scan(Cpu cpu, long destination, int bytes, int most, boolean whileEqual) {
        final int items = within(destination, bytes, most);
        if (items == 0) {
            return 0;
        }
        final long second = cpu.mmu.hostForRead(destination, items * bytes);
        if (second == 0) {
            return 0;
        }
        final long a = cpu.r[Cpu.RAX] & Address.bits(bytes);
        int done = 0;
        long b;
        do {
            b = get(second + (long) done * bytes, bytes);
            done++;
        } while (done < items && (a == b) == whileEqual);
        cpu.setLazy(Flags.SUB + IntegerSteps.log2(bytes), a - b, b);
        return done;
    }
}
