package io.jvmm.vcpu.x86.oracle;

import io.jvmm.vcpu.x86.oracle.GeneralForms.Form;
import io.jvmm.vcpu.x86.oracle.sys.NativeCpu;
import io.jvmm.vcpu.x86.oracle.sys.NativeState;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/**
 * One random instruction of a form, encoded for the slot of a {@link NativeCpu}, and random operands for it: chosen so that memory
 * operands, stack and branch targets are where the native side survives them, or now and then not canonical.
 */
final class GeneralCase {
    private static final int RAX = 0;
    private static final int RCX = 1;
    private static final int RDX = 2;
    private static final int RBX = 3;
    private static final int RSP = 4;
    private static final int RBP = 5;
    private static final int RSI = 6;
    private static final int RDI = 7;

    private static final long[] CORNERS = {
        0,
        1,
        2,
        -1,
        -2,
        0x7f,
        0x80,
        0xff,
        0x100,
        0x7fff,
        0x8000,
        0xffff,
        0x10000,
        0x7fff_ffffL,
        0x8000_0000L,
        0xffff_ffffL,
        0x1_0000_0000L,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        0x5555_5555_5555_5555L,
        0xaaaa_aaaa_aaaa_aaaaL,
        -128,
        -32768,
        -2147483648L
    };
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    /** CF PF AF ZF SF DF OF. */
    private static final int RANDOM_FLAGS = 0xcd5;

    private static final int ALWAYS_FLAGS = 0x202;
    private static final int STACK_AT = 0x2000;
    private static final int STACK_BYTES = 0x800;

    final byte[] code = new byte[32];
    int length;
    /** Where the memory operand is: offset into the scratch, or -1. */
    int memoryAt;

    private final NativeCpu layout;
    private final Random random;
    private final boolean is64;
    private final long scratch;

    private Form form = GeneralForms.all().get(0);
    private boolean addressOverride;
    private int modRmRegister;
    private int modRmRm;
    private boolean registerOperand;
    private int base;
    private int index;
    private long baseValue;
    private long indexValue;

    GeneralCase(NativeCpu layout, Random random, boolean is64) {
        this.layout = layout;
        this.random = random;
        this.is64 = is64;
        this.scratch = layout.scratch().address();
    }

    /** Encodes another instruction of the form. */
    void encode(Form wanted) {
        form = wanted;
        do {
            length = 0;
            memoryAt = -1;
            base = -1;
            index = -1;
            registerOperand = false;
        } while (!tryEncode());
    }

    /** Adds a conditional jump, with a displacement of 32 bits. */
    void appendJump(int condition) {
        put(0x0f);
        put(0x80 + condition);
        putLittle(taken() - (layout.slotAddress() + length + 4), 4);
    }

    private boolean tryEncode() {
        addressOverride = random.nextInt(is64 ? 10 : 40) == 0 && allowsAddressOverride();
        final boolean operandOverride = form.sizes() && random.nextInt(4) == 0;
        if (random.nextInt(30) == 0) {
            put(new int[] {0x2e, 0x36, 0x3e, 0x26}[is64 ? random.nextInt(4) : 1 + random.nextInt(2)]);
        }
        if (addressOverride) {
            put(0x67);
        }
        if (operandOverride) {
            put(0x66);
        }
        final boolean lock = form.lock() && random.nextInt(3) == 0;
        if (lock) {
            put(0xf0);
        }
        if (form.repeat() && random.nextInt(3) != 0) {
            put(0xf2 + random.nextInt(2));
        }
        if (form.prefix() != 0) {
            put(form.prefix());
        }
        int rex = 0;
        if (is64 && random.nextInt(4) != 0) {
            rex = 0x40 | random.nextInt(16);
            if ((!form.sizes() && form.opcode() != 0xff) || isExchange8()) {
                rex &= ~8;
            }
            put(rex);
        }
        if (form.map() > 0) {
            put(0x0f);
        }
        if (form.map() > 1) {
            put(0x38);
        }
        put(form.opcode());
        final int immediate = tailBytes(operandOverride, (rex & 8) != 0);
        if (form.hasModRm() && !modRm(rex, lock, immediate)) {
            return false;
        }
        tail(immediate);
        return length <= 15;
    }

    private boolean isExchange8() {
        return form.map() == 1 && form.opcode() == 0xc7;
    }

    /** 16-bit addresses cannot reach the scratch. */
    private boolean allowsAddressOverride() {
        if (is64) {
            return true;
        }
        return form.map() == 0 && form.opcode() == 0x8d;
    }

    private int tailBytes(boolean operandOverride, boolean wide) {
        return switch (form.tail()) {
            case IMMZ -> operandOverride && !wide ? 2 : 4;
            case IMMV -> wide ? 8 : operandOverride ? 2 : 4;
            case OFFSET -> is64 && !addressOverride ? 8 : 4;
            default -> form.tail().bytes;
        };
    }

    private void put(int value) {
        code[length++] = (byte) value;
    }

    private void putLittle(long value, int bytes) {
        for (int i = 0; i < bytes; i++) {
            put((int) (value >>> (8 * i)));
        }
    }

    /** Somewhere in the scratch, at times across a page boundary; far from both ends. */
    private int somewhere() {
        return switch (random.nextInt(8)) {
            case 0 -> 0x2000 - 1 - random.nextInt(8);
            case 1 -> 0x1800 + random.nextInt(0x1000);
            default -> 0x1800 + 8 * random.nextInt(0x200);
        };
    }

    private boolean modRm(int rex, boolean lock, int tailBytes) {
        modRmRegister = form.extension() >= 0 ? form.extension() : random.nextInt(8) | (rex & 4) << 1;
        final boolean memory = form.memoryOnly() || lock || random.nextInt(2) == 0;
        if (!memory) {
            modRmRm = random.nextInt(8) | (rex & 1) << 3;
            registerOperand = true;
            put(0xc0 | (modRmRegister & 7) << 3 | (modRmRm & 7));
            // A call through RSP would push onto the code page.
            return !(isIndirectBranch() && modRmRm == RSP);
        }
        if (addressOverride && !is64) {
            return address16();
        }
        final boolean sib = random.nextInt(2) == 0;
        final int mod = random.nextInt(3);
        final int rm = sib ? 4 : random.nextInt(8);
        if (!sib && rm == 4) {
            return false;
        }
        memoryAt = somewhere();
        final long target = scratch + memoryAt;
        if (!sib && mod == 0 && rm == 5) {
            put((modRmRegister & 7) << 3 | 5);
            final long end = layout.slotAddress() + length + 4 + tailBytes;
            putLittle(is64 ? target - end : target, 4);
            return true;
        }
        int scale = 0;
        boolean noBase = false;
        put(mod << 6 | (modRmRegister & 7) << 3 | rm);
        if (sib) {
            final int b = random.nextInt(8);
            final int i = random.nextInt(8);
            scale = random.nextInt(4);
            put(scale << 6 | i << 3 | b);
            index = i | (rex & 2) << 2;
            if (index == RSP) {
                index = -1;
            }
            noBase = mod == 0 && b == 5;
            base = noBase ? -1 : b | (rex & 1) << 3;
        } else {
            base = rm | (rex & 1) << 3;
        }
        return displacement(mod, scale, noBase, target);
    }

    private boolean displacement(int mod, int scale, boolean noBase, long target) {
        final int bytes = noBase || mod == 2 ? 4 : mod;
        indexValue = index < 0 ? 0 : randomIndex(noBase || base == index);
        final long scaled = indexValue << scale;
        final long displacement;
        if (noBase) {
            displacement = target - scaled;
        } else if (base == index) {
            if (bytes != 4) {
                return false;
            }
            displacement = target - scaled - indexValue;
            baseValue = indexValue;
        } else {
            displacement = bytes == 0 ? 0 : bytes == 1 ? (byte) random.nextInt() : random.nextInt();
            baseValue = target - scaled - displacement;
        }
        if (base == RSP) {
            if (narrowAddress()
                    || Math.abs(displacement) > 0x400
                    || scaled > 0x400
                    || scaled < 0
                    || memoryAt < 0x1c00) {
                return false;
            }
        }
        if (narrowAddress()) {
            baseValue = (baseValue & 0xffff_ffffL) | (long) random.nextInt() << 32;
            indexValue = base == index ? baseValue : (indexValue & 0xffff_ffffL) | (long) random.nextInt() << 32;
        }
        putLittle(displacement, bytes);
        return displacement == (int) displacement && !usesAddressAsBitOffset();
    }

    private boolean narrowAddress() {
        return is64 && addressOverride;
    }

    private long randomIndex(boolean small) {
        return small || random.nextInt(2) == 0 ? random.nextInt(256) : random.nextLong();
    }

    private boolean isBitTest() {
        return form.map() == 1
                && (form.opcode() == 0xa3 || form.opcode() == 0xab || form.opcode() == 0xb3 || form.opcode() == 0xbb);
    }

    private boolean usesAddressAsBitOffset() {
        return isBitTest() && (modRmRegister == base || modRmRegister == index || modRmRegister == RSP);
    }

    /** LEA only: nothing is accessed. */
    private boolean address16() {
        final int mod = random.nextInt(3);
        final int rm = random.nextInt(8);
        put(mod << 6 | (modRmRegister & 7) << 3 | rm);
        putLittle(random.nextInt(), mod == 0 ? rm == 6 ? 2 : 0 : mod);
        return true;
    }

    private boolean isIndirectBranch() {
        return form.map() == 0 && form.opcode() == 0xff && (form.extension() == 2 || form.extension() == 4);
    }

    private void tail(int bytes) {
        switch (form.tail()) {
            case REL8 -> put((int) (layout.nearTakenAddress() - (layout.slotAddress() + length + 1)));
            case REL32 -> putLittle(taken() - (layout.slotAddress() + length + 4), 4);
            case OFFSET -> {
                memoryAt = somewhere();
                putLittle(scratch + memoryAt, bytes);
            }
            case FRAME -> {
                putLittle(random.nextInt(0x800), 2);
                put(random.nextInt(2) == 0 ? 0 : random.nextInt(40));
            }
            case IMM16 -> putLittle(random.nextInt(0x10000), 2);
            case IMM8, IMMZ, IMMV -> putLittle(value(), bytes);
            case NONE -> {
                // Nothing follows.
            }
        }
    }

    private long taken() {
        return is64 ? layout.takenAddress() : layout.takenAddress32();
    }

    /** A random value, often of few bits or a corner. */
    private long value() {
        return switch (random.nextInt(5)) {
            case 0 -> CORNERS[random.nextInt(CORNERS.length)];
            case 1 -> random.nextLong() >> random.nextInt(64);
            case 2 -> random.nextInt(256);
            default -> random.nextLong();
        };
    }

    /** Chooses registers, flags, and the operand in memory, which goes to both memories. */
    void operands(NativeState state, MemorySegment first, MemorySegment second) {
        for (int i = 0; i < 16; i++) {
            state.r[i] = value();
        }
        if (random.nextInt(4) == 0) {
            state.r[random.nextInt(16)] = state.r[random.nextInt(16)];
        }
        if (random.nextInt(3) != 0) {
            // So that divisions succeed now and then.
            state.r[RDX] = random.nextInt(2) == 0 ? 0 : state.r[RAX] >> 63;
        }
        state.flags = ALWAYS_FLAGS | (random.nextInt() & RANDOM_FLAGS);
        if (memoryAt >= 0) {
            put(first, second, memoryAt, value());
            put(first, second, memoryAt + 8, value());
        }
        final boolean stack = usesStack();
        if (stack || base == RSP) {
            state.r[RSP] = scratch
                    + STACK_AT
                    + (random.nextInt(4) == 0 ? random.nextInt(STACK_BYTES) : 8 * random.nextInt(STACK_BYTES / 8));
        }
        if (form.map() == 0) {
            implicit(state, first, second);
        }
        if (isBitTest() && memoryAt >= 0) {
            state.r[modRmRegister] = random.nextInt(0x4000) - 0x2000L;
        }
        if (memoryAt >= 0) {
            if (index >= 0) {
                state.r[index] = indexValue;
            }
            if (base >= 0) {
                state.r[base] = baseValue;
                poison(state, base);
            }
        } else if (stack && !registerOperand && !popsWhatMatters() && random.nextInt(10) == 0) {
            switch (random.nextInt(3)) {
                case 0 -> state.r[RSP] ^= is64 ? 1L << 62 : 0;
                case 1 -> state.r[RSP] = scratch + NativeCpu.SCRATCH_BYTES - random.nextInt(12);
                default -> state.r[RSP] = scratch + random.nextInt(12);
            }
        }
    }

    /** Now and then an address that is not canonical, or in the guard above the scratch, or across the edge. */
    private void poison(NativeState state, int register) {
        if (!addressOverride && !isIndirectBranch() && base != index) {
            switch (random.nextInt(60)) {
                case 0 -> state.r[register] ^= is64 ? 1L << 62 : 0;
                case 1 -> state.r[register] += NativeCpu.SCRATCH_BYTES - memoryAt - random.nextInt(12);
                default -> {
                    // As it is.
                }
            }
        }
    }

    private static void put(MemorySegment first, MemorySegment second, int at, long value) {
        first.set(LONG, at, value);
        second.set(LONG, at, value);
    }

    private boolean usesStack() {
        if (form.map() != 0) {
            return false;
        }
        final int o = form.opcode();
        return (o >= 0x50 && o <= 0x61)
                || o == 0x68
                || o == 0x6a
                || o == 0x8f
                || o == 0x9c
                || o == 0x9d
                || o == 0xc8
                || o == 0xc9
                || o == 0xe8
                || o == 0xc2
                || o == 0xc3
                || (o == 0xff && (form.extension() == 2 || form.extension() == 6));
    }

    /** RET, POPF: what is popped was put there on purpose. */
    private boolean popsWhatMatters() {
        return form.opcode() == 0x9d || form.opcode() == 0xc2 || form.opcode() == 0xc3;
    }

    private void implicit(NativeState state, MemorySegment first, MemorySegment second) {
        final int o = form.opcode();
        final int top = (int) (state.r[RSP] - scratch);
        if ((o >= 0xa4 && o <= 0xa7) || (o >= 0xaa && o <= 0xaf)) {
            strings(state, first, second);
        } else if (o == 0xd7) {
            state.r[RBX] = address(scratch + somewhere() - (state.r[RAX] & 0xff));
        } else if (o == 0xc8 || o == 0xc9) {
            state.r[RBP] = scratch + somewhere();
        } else if (o == 0x9d) {
            // No TF, no AC.
            put(first, second, top, random.nextLong() & ~0x40100L);
        } else if (o == 0xc2 || o == 0xc3) {
            put(first, second, top, target());
        } else if (isIndirectBranch()) {
            if (registerOperand) {
                state.r[modRmRm] = target();
            } else {
                put(first, second, memoryAt, target());
            }
        }
    }

    private long target() {
        return is64 && random.nextInt(30) == 0 ? taken() ^ 1L << 62 : taken();
    }

    private long address(long address) {
        return narrowAddress() ? (address & 0xffff_ffffL) | (long) random.nextInt() << 32 : address;
    }

    /** At times overlapping, at times equal for a while. */
    private void strings(NativeState state, MemorySegment first, MemorySegment second) {
        final int from = somewhere();
        final int to = random.nextInt(3) == 0 ? from + random.nextInt(40) - 20 : somewhere();
        state.r[RSI] = address(scratch + from);
        state.r[RDI] = address(scratch + to);
        state.r[RCX] = address(random.nextInt(8) == 0 ? random.nextInt(200) : random.nextInt(12));
        if (random.nextInt(2) == 0) {
            final long pattern = random.nextInt(2) == 0 ? 0 : 0x0101_0101_0101_0101L * random.nextInt(256);
            state.r[RAX] = pattern;
            for (int i = 0; i < random.nextInt(6); i++) {
                put(first, second, from + 8 * i, pattern);
                put(first, second, to + 8 * i, pattern);
            }
        }
    }
}
