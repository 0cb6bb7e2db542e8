package io.jvmm.vcpu.x86.oracle.sys;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What an instruction sees and leaves behind, besides memory: general registers, flags, and x87, MMX and SSE state as an FXSAVE64
 * image (SDM 1 10.5.1). Plain and reusable.
 */
public final class NativeState {
    /** RAX RCX RDX RBX RSP RBP RSI RDI R8..R15. */
    public final long[] r = new long[16];
    /** The FXSAVE64 image. */
    public final byte[] fx = new byte[512];
    /** The same, little-endian. */
    public final ByteBuffer fxBuffer = ByteBuffer.wrap(fx).order(ByteOrder.LITTLE_ENDIAN);
    /** RFLAGS. */
    public long flags = 2;
    /** Whether control went to {@link NativeCpu#takenAddress()}. */
    public boolean taken;
    /** The exception that the instruction raised (registers are those of then), or -1. */
    public int vector = -1;
    /** Its error code. */
    public long errorCode;
    /** CR2, for #PF. */
    public long faultAddress;

    /** All exceptions masked, round to nearest, empty stack, everything else zero. */
    public NativeState() {
        setControlWord(0x37f);
        setMxcsr(0x1f80);
    }

    /** The x87 control word. */
    public void setControlWord(int value) {
        fxBuffer.putShort(0, (short) value);
    }

    /** The x87 status word, with TOP. */
    public int statusWord() {
        return fxBuffer.getShort(2) & 0xffff;
    }

    /** Sets the x87 status word, with TOP. */
    public void setStatusWord(int value) {
        fxBuffer.putShort(2, (short) value);
    }

    /** Bit i: physical register i is not empty. */
    public int validRegisters() {
        return fx[4] & 0xff;
    }

    /** See {@link #validRegisters()}. */
    public void setValidRegisters(int bits) {
        fx[4] = (byte) bits;
    }

    /** MXCSR. */
    public int mxcsr() {
        return fxBuffer.getInt(24);
    }

    /** Bits 16 and up have to be zero. */
    public void setMxcsr(int value) {
        fxBuffer.putInt(24, value);
    }

    /** Significand of ST(i): in FXSAVE the registers are in the order of the stack, not the physical one. */
    public long significand(int st) {
        return fxBuffer.getLong(32 + 16 * st);
    }

    /** Sign and exponent of ST(i). */
    public int signExponent(int st) {
        return fxBuffer.getShort(40 + 16 * st) & 0xffff;
    }

    /** Sets ST(i). */
    public void setSt(int st, int signExponent, long significand) {
        fxBuffer.putLong(32 + 16 * st, significand);
        fxBuffer.putLong(40 + 16 * st, signExponent & 0xffffL);
    }

    /** Half 0 (low) or 1 of XMM register i. */
    public long xmm(int i, int half) {
        return fxBuffer.getLong(160 + 16 * i + 8 * half);
    }

    /** Sets half of an XMM register. */
    public void setXmm(int i, int half, long value) {
        fxBuffer.putLong(160 + 16 * i + 8 * half, value);
    }

    /** Copies everything. */
    public void copyFrom(NativeState other) {
        System.arraycopy(other.r, 0, r, 0, 16);
        System.arraycopy(other.fx, 0, fx, 0, 512);
        flags = other.flags;
        taken = other.taken;
        vector = other.vector;
        errorCode = other.errorCode;
        faultAddress = other.faultAddress;
    }
}
