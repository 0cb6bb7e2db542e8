package io.jvmm.supervisor.demo;

import org.jspecify.annotations.Nullable;

/**
 * Prefixes, opcode, ModRM, SIB and displacement: how an x86 instruction becomes bytes (SDM 2A, chapter 2). After
 * {@link #bits32} it encodes for 32-bit protected mode and refuses what would need a REX prefix.
 */
class Encoder extends CodeBuffer {
    static final int OPERAND_SIZE = 0x66;

    private boolean longMode = true;

    Encoder(long origin) {
        super(origin);
    }

    final void bits32() {
        longMode = false;
    }

    final void bits64() {
        longMode = true;
    }

    final boolean inLongMode() {
        return longMode;
    }

    /** The byte form of most opcodes is the even one below. */
    static int sized(int opcode, Register r) {
        return r.widthBytes == 1 ? opcode & ~1 : opcode;
    }

    static int width(Mem m) {
        if (m.widthBytes() == 0) {
            throw new IllegalArgumentException("say asByte, asWord, asDword or asQword: " + m);
        }
        return m.widthBytes();
    }

    static void sameWidth(Register a, Register b) {
        if (a.widthBytes != b.widthBytes) {
            throw new IllegalArgumentException(a + " and " + b + " differ in width");
        }
    }

    final void opcode(int opcode) {
        if (opcode > 0xff) {
            db(opcode >>> 8);
        }
        db(opcode);
    }

    /** Operand-size and REX prefixes; a width of 0 is the default width of the mode. */
    final void prefixes(int widthBytes, int regNumber, int indexNumber, int baseNumber, boolean force) {
        if (widthBytes == 2) {
            db(OPERAND_SIZE);
        }
        int rex = (widthBytes == 8 ? 8 : 0)
                | (regNumber >= 8 ? 4 : 0)
                | (indexNumber >= 8 ? 2 : 0)
                | (baseNumber >= 8 ? 1 : 0);
        if (rex != 0 || force) {
            if (!longMode) {
                throw new IllegalStateException("needs a REX prefix, which 32-bit mode does not have");
            }
            db(0x40 | rex);
        }
    }

    final void registerForm(int opcode, Register reg, Register rm) {
        prefixes(rm.widthBytes, reg.number, 0, rm.number, reg.needsRex() || rm.needsRex());
        opcode(opcode);
        db(0xc0 | (reg.low() << 3) | rm.low());
    }

    final void registerForm(int opcode, int extension, Register rm) {
        prefixes(rm.widthBytes, 0, 0, rm.number, rm.needsRex());
        opcode(opcode);
        db(0xc0 | (extension << 3) | rm.low());
    }

    final void memoryForm(int opcode, Register reg, Mem m, int trailingBytes) {
        memoryForm(opcode, reg.widthBytes, reg.number, reg.needsRex(), m, trailingBytes);
    }

    final void memoryForm(int opcode, int widthBytes, int reg, boolean force, Mem m, int trailingBytes) {
        prefixes(widthBytes, reg, number(m.index()), number(m.base()), force);
        opcode(opcode);
        int regField = (reg & 7) << 3;
        Register base = m.base();
        Label label = m.label();
        if (label != null) {
            db(regField | 5);
            if (longMode) {
                relative(label, m.displacement(), trailingBytes);
            } else {
                dd(label);
            }
        } else if (base == null) {
            absolute(regField, m.displacement());
        } else {
            based(regField, base, m);
        }
    }

    /** An absolute address has the short form only where it does not mean "relative to RIP". */
    private void absolute(int regField, int address) {
        if (longMode) {
            db(regField | 4);
            db(0x25);
        } else {
            db(regField | 5);
        }
        dd(address);
    }

    private void based(int regField, Register base, Mem m) {
        if (base.widthBytes != (longMode ? 8 : 4)) {
            throw new IllegalArgumentException(base + " cannot be an address here");
        }
        int displacement = m.displacement();
        // Base 5 without a displacement means something else, so RBP and R13 get a zero one.
        int mod = displacement == 0 && base.low() != 5 ? 0 : displacement == (byte) displacement ? 0x40 : 0x80;
        Register index = m.index();
        if (index != null || base.low() == 4) {
            db(mod | regField | 4);
            int scaleBits = Integer.numberOfTrailingZeros(m.scale()) << 6;
            db(scaleBits | ((index == null ? 4 : index.low()) << 3) | base.low());
        } else {
            db(mod | regField | base.low());
        }
        if (mod == 0x40) {
            db(displacement);
        } else if (mod == 0x80) {
            dd(displacement);
        }
    }

    private static int number(@Nullable Register r) {
        return r == null ? 0 : r.number;
    }
}
