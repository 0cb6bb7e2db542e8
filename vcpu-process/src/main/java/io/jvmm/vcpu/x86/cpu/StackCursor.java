package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Vector;

/**
 * A stack pointer on its way: frames of interrupts and far transfers are pushed and popped through this, and RSP is
 * written only when all of it has succeeded. One for each {@link Cpu}.
 */
final class StackCursor {
    private final Cpu cpu;
    private final Segment segment = new Segment();
    /** Stack pointer within {@link #mask}. */
    private long pointer;

    private long mask;
    /** The stack of 64-bit mode: no segment, canonical addresses. */
    private boolean flat64;
    /** Selector of the stack-switch for the error code of #SS, 0 for the present stack. */
    private int faultSelector;

    StackCursor(Cpu cpu) {
        this.cpu = cpu;
    }

    /** Starts at the present SS:RSP. */
    StackCursor present() {
        segment.copyFrom(cpu.segments[Segment.SS]);
        faultSelector = 0;
        flat64 = cpu.codeBytes == 8;
        mask = flat64 ? -1 : segment.isBig() ? 0xffff_ffffL : 0xffff;
        pointer = cpu.r[Cpu.RSP] & mask;
        return this;
    }

    /** Starts on another legacy stack. */
    StackCursor on(int selector, long descriptor, long newPointer) {
        Segmentation.set(segment, selector, descriptor);
        faultSelector = selector;
        flat64 = false;
        mask = segment.isBig() ? 0xffff_ffffL : 0xffff;
        pointer = newPointer & mask;
        return this;
    }

    /** Starts on a stack of 64-bit mode. */
    StackCursor on64(long newPointer) {
        faultSelector = 0;
        flat64 = true;
        mask = -1;
        pointer = newPointer;
        return this;
    }

    /** Pushes the low {@code bytes} of {@code value}. */
    void push(long value, int bytes) {
        final long at = (pointer - bytes) & mask;
        try {
            cpu.mmu.write(linear(at, bytes), bytes, value);
        } catch (GuestException e) {
            throw onStack(e);
        }
        pointer = at;
    }

    /** Pops a value, zero-extended. */
    long pop(int bytes) {
        final long value = peek(0, bytes);
        pointer = (pointer + bytes) & mask;
        return value;
    }

    /** Reads above the pointer. */
    long peek(int offset, int bytes) {
        try {
            return cpu.mmu.read(linear((pointer + offset) & mask, bytes), bytes);
        } catch (GuestException e) {
            throw onStack(e);
        }
    }

    /** Drops bytes. */
    void skip(int bytes) {
        pointer = (pointer + bytes) & mask;
    }

    /** The pointer now, within the width of the stack. */
    long pointer() {
        return pointer;
    }

    /** Writes RSP: all of it, or the part that the width of the stack covers. */
    void commitPointer() {
        cpu.r[Cpu.RSP] = flat64 ? pointer : mask == 0xffff ? (cpu.r[Cpu.RSP] & ~0xffffL) | pointer : pointer;
    }

    private long linear(long at, int bytes) {
        if (flat64) {
            return at;
        }
        if (!Segmentation.isWithinLimit(segment, at, bytes)) {
            throw Descriptors.fault(cpu, Vector.SS, faultSelector);
        }
        return (segment.base + at) & 0xffff_ffffL;
    }

    private GuestException onStack(GuestException e) {
        return e.isNonCanonical() ? Descriptors.fault(cpu, Vector.SS, faultSelector) : e;
    }
}
