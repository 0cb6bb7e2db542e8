package io.jvmm.supervisor.demo;

import org.jspecify.annotations.Nullable;

/**
 * A memory operand: {@code [base + index * scale + displacement]}, {@code [label]} relative to RIP, or an absolute 32-bit
 * address. The width matters only where no register operand tells it.
 */
record Mem(
        @Nullable Register base,
        @Nullable Register index,
        int scale,
        int displacement,
        @Nullable Label label,
        int widthBytes) {

    static Mem at(Register base) {
        return at(base, 0);
    }

    static Mem at(Register base, int displacement) {
        return new Mem(base, null, 1, displacement, null, 0);
    }

    static Mem at(Register base, Register index, int scale, int displacement) {
        if (index == Register.RSP) {
            throw new IllegalArgumentException("RSP cannot be an index");
        }
        return new Mem(base, index, scale, displacement, null, 0);
    }

    static Mem at(Label label) {
        return new Mem(null, null, 1, 0, label, 0);
    }

    static Mem at(Label label, int displacement) {
        return new Mem(null, null, 1, displacement, label, 0);
    }

    static Mem absolute(int address) {
        return new Mem(null, null, 1, address, null, 0);
    }

    Mem asByte() {
        return withWidth(1);
    }

    Mem asWord() {
        return withWidth(2);
    }

    Mem asDword() {
        return withWidth(4);
    }

    Mem asQword() {
        return withWidth(8);
    }

    private Mem withWidth(int newWidthBytes) {
        return new Mem(base, index, scale, displacement, label, newWidthBytes);
    }
}
