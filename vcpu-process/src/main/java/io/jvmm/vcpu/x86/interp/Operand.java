package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.decode.OperandKind;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * An integer operand of any kind and width, for the instructions that have no class of their own for each shape. Values
 * are zero-extended to 64 bits. Immutable.
 *
 * <p>A memory operand is located once ({@link #locate}) and then read and written at that address; for the other kinds the
 * address means nothing.
 */
final class Operand {
    private enum Shape {
        LOW_8,
        HIGH_8,
        WORD,
        DOUBLE,
        QUAD,
        MEMORY,
        IMMEDIATE
    }

    final int bytes;
    private final Shape shape;
    private final int register;
    private final long immediate;
    private final @Nullable Address address;

    private Operand(Shape shape, int bytes, int register, long immediate, @Nullable Address address) {
        this.shape = shape;
        this.bytes = bytes;
        this.register = register;
        this.immediate = immediate;
        this.address = address;
    }

    /** First operand, to be read only or (also) written. */
    static Operand first(Insn insn, int bytes, boolean write) {
        return of(insn, insn.kind1, insn.reg1, bytes, write);
    }

    /** Second operand, to be read. */
    static Operand second(Insn insn, int bytes) {
        return of(insn, insn.kind2, insn.reg2, bytes, false);
    }

    /** Third operand, to be read. */
    static Operand third(Insn insn, int bytes) {
        return of(insn, insn.kind3, insn.reg3, bytes, false);
    }

    /** A general register of the given width. */
    static Operand register(int number, int bytes) {
        return new Operand(
                switch (bytes) {
                    case 1 -> Shape.LOW_8;
                    case 2 -> Shape.WORD;
                    case 4 -> Shape.DOUBLE;
                    default -> Shape.QUAD;
                },
                bytes,
                number,
                0,
                null);
    }

    /** A constant. */
    static Operand immediate(long value, int bytes) {
        return new Operand(Shape.IMMEDIATE, bytes, 0, value & Address.bits(bytes), null);
    }

    private static Operand of(Insn insn, OperandKind kind, int number, int bytes, boolean write) {
        return switch (kind) {
            case GPR -> register(number, bytes);
            case GPR_HIGH -> new Operand(Shape.HIGH_8, 1, number, 0, null);
            case MEM -> new Operand(Shape.MEMORY, bytes, 0, 0, new Address(insn, bytes, write));
            case IMM -> immediate(insn.imm, bytes);
            case NONE, SEGMENT, CONTROL, DEBUG, XMM, MMX, ST, REL, FAR ->
                throw new IllegalArgumentException(insn.op + " with an operand " + kind);
        };
    }

    /** Whether this is in memory. */
    boolean isMemory() {
        return shape == Shape.MEMORY;
    }

    /** The linear address of a memory operand, else 0. */
    long locate(Cpu cpu) {
        return shape == Shape.MEMORY ? Objects.requireNonNull(address).linear(cpu) : 0;
    }

    /** The operand of memory {@code further} bytes on. */
    long locate(Cpu cpu, long further) {
        return Objects.requireNonNull(address).linear(cpu, further);
    }

    /** Locates and reads. */
    long read(Cpu cpu) {
        return read(cpu, locate(cpu));
    }

    /** Reads what {@link #locate} found. */
    long read(Cpu cpu, long linear) {
        return shape == Shape.MEMORY ? cpu.mmu.read(linear, bytes) : value(cpu);
    }

    /** Reads with the faults of a write. */
    long readForUpdate(Cpu cpu, long linear) {
        return shape == Shape.MEMORY ? Update.read(cpu.mmu, linear, bytes) : value(cpu);
    }

    private long value(Cpu cpu) {
        return switch (shape) {
            case LOW_8 -> cpu.r[register] & 0xff;
            case HIGH_8 -> (cpu.r[register] >>> 8) & 0xff;
            case WORD -> cpu.r[register] & 0xffff;
            case DOUBLE -> cpu.r[register] & 0xffff_ffffL;
            case QUAD -> cpu.r[register];
            case IMMEDIATE, MEMORY -> immediate;
        };
    }

    /** Writes the low bits: 8 and 16 leave the rest of a register alone, 32 clear its upper half. */
    void write(Cpu cpu, long linear, long value) {
        final long[] r = cpu.r;
        switch (shape) {
            case LOW_8 -> r[register] = (r[register] & ~0xffL) | (value & 0xff);
            case HIGH_8 -> r[register] = (r[register] & ~0xff00L) | ((value & 0xff) << 8);
            case WORD -> r[register] = (r[register] & ~0xffffL) | (value & 0xffff);
            case DOUBLE -> r[register] = value & 0xffff_ffffL;
            case QUAD -> r[register] = value;
            case MEMORY -> cpu.mmu.write(linear, bytes, value);
            case IMMEDIATE -> throw new IllegalStateException("an immediate was written");
        }
    }

    /** Bits of so many bytes, from a general register of that number. */
    static void writeRegister(long[] r, int register, int bytes, long value) {
        r[register] = switch (bytes) {
            case 1 -> (r[register] & ~0xffL) | (value & 0xff);
            case 2 -> (r[register] & ~0xffffL) | (value & 0xffff);
            case 4 -> value & 0xffff_ffffL;
            default -> value;
        };
    }

    /** Sign-extends a value of the operand's width. */
    static long signed(long value, int bytes) {
        final int up = 64 - 8 * bytes;
        return value << up >> up;
    }
}
