package io.jvmm.supervisor.demo;

/**
 * A small x86-64 assembler: the instructions a ring-0 guest without a compiler needs, in Intel operand order
 * (destination first). Encodings are those of GNU as, byte for byte, with 32-bit displacements in every jump; the tests
 * hold it to that. Clauses are those of the SDM, volume 2.
 *
 * <p>How an instruction becomes bytes is the {@link Encoder}'s business. Not thread-safe.
 */
final class Assembler extends Encoder {
    private static final int REP = 0xf3;

    /** The eight operations that share one encoding, by their number in it. */
    enum Alu {
        ADD(0),
        OR(1),
        ADC(2),
        SBB(3),
        AND(4),
        SUB(5),
        XOR(6),
        CMP(7);

        final int code;

        Alu(int code) {
            this.code = code;
        }
    }

    /** Segment registers by number. */
    enum Segment {
        ES(0),
        CS(1),
        SS(2),
        DS(3),
        FS(4),
        GS(5);

        final int code;

        Segment(int code) {
            this.code = code;
        }
    }

    Assembler(long origin) {
        super(origin);
    }

    // ---- moves

    void mov(Register to, Register from) {
        sameWidth(to, from);
        registerForm(sized(0x89, to), from, to);
    }

    void mov(Register to, Mem from) {
        memoryForm(sized(0x8b, to), to, from, 0);
    }

    void mov(Mem to, Register from) {
        memoryForm(sized(0x89, from), from, to, 0);
    }

    void mov(Register to, long value) {
        if (to.widthBytes == 8 && value == (int) value) {
            registerForm(0xc7, 0, to);
            dd((int) value);
        } else {
            prefixes(to.widthBytes, 0, 0, to.number, to.needsRex());
            db((to.widthBytes == 1 ? 0xb0 : 0xb8) + to.low());
            little(value, to.widthBytes);
        }
    }

    /** The address of a label as a 32-bit constant. */
    void movAddress(Register to, Label label) {
        if (to.widthBytes != 4) {
            throw new IllegalArgumentException("the address is 32 bits wide, " + to + " is not");
        }
        prefixes(4, 0, 0, to.number, false);
        db(0xb8 + to.low());
        dd(label);
    }

    void mov(Mem to, int value) {
        int width = width(to);
        int immediateBytes = Math.min(width, 4);
        memoryForm(width == 1 ? 0xc6 : 0xc7, width, 0, false, to, immediateBytes);
        little(value, immediateBytes);
    }

    /** Zero-extends a byte or a word. */
    void movzx(Register to, Mem from) {
        memoryForm(width(from) == 1 ? 0x0fb6 : 0x0fb7, to, from, 0);
    }

    void movzx(Register to, Register from) {
        prefixes(to.widthBytes, to.number, 0, from.number, from.needsRex());
        opcode(from.widthBytes == 1 ? 0x0fb6 : 0x0fb7);
        db(0xc0 | (to.low() << 3) | from.low());
    }

    void lea(Register to, Mem from) {
        memoryForm(0x8d, to, from, 0);
    }

    void push(Register r) {
        prefixes(0, 0, 0, r.number, false);
        db(0x50 + r.low());
    }

    void push(int value) {
        if (value == (byte) value) {
            db(0x6a);
            db(value);
        } else {
            db(0x68);
            dd(value);
        }
    }

    void pop(Register r) {
        prefixes(0, 0, 0, r.number, false);
        db(0x58 + r.low());
    }

    // ---- arithmetic

    void alu(Alu operation, Register to, Register from) {
        sameWidth(to, from);
        registerForm(sized(operation.code * 8 + 1, to), from, to);
    }

    void alu(Alu operation, Register to, Mem from) {
        memoryForm(sized(operation.code * 8 + 3, to), to, from, 0);
    }

    void alu(Alu operation, Mem to, Register from) {
        memoryForm(sized(operation.code * 8 + 1, from), from, to, 0);
    }

    void alu(Alu operation, Register to, int value) {
        if (to.widthBytes == 1) {
            if (to.number == 0) {
                db(operation.code * 8 + 4);
            } else {
                registerForm(0x80, operation.code, to);
            }
            db(value);
        } else if (value == (byte) value) {
            registerForm(0x83, operation.code, to);
            db(value);
        } else {
            if (to.number == 0) {
                prefixes(to.widthBytes, 0, 0, 0, false);
                db(operation.code * 8 + 5);
            } else {
                registerForm(0x81, operation.code, to);
            }
            little(value, Math.min(to.widthBytes, 4));
        }
    }

    void alu(Alu operation, Mem to, int value) {
        int width = width(to);
        boolean small = width > 1 && value == (byte) value;
        int immediateBytes = small ? 1 : Math.min(width, 4);
        int opcode = width == 1 ? 0x80 : small ? 0x83 : 0x81;
        memoryForm(opcode, width, operation.code, false, to, immediateBytes);
        little(value, immediateBytes);
    }

    void add(Register to, int value) {
        alu(Alu.ADD, to, value);
    }

    void add(Register to, Register from) {
        alu(Alu.ADD, to, from);
    }

    void sub(Register to, int value) {
        alu(Alu.SUB, to, value);
    }

    void sub(Register to, Register from) {
        alu(Alu.SUB, to, from);
    }

    void and(Register to, int value) {
        alu(Alu.AND, to, value);
    }

    void or(Register to, int value) {
        alu(Alu.OR, to, value);
    }

    void or(Register to, Register from) {
        alu(Alu.OR, to, from);
    }

    /** The usual way to zero a register. */
    void zero(Register r) {
        alu(Alu.XOR, r, r);
    }

    void cmp(Register left, int value) {
        alu(Alu.CMP, left, value);
    }

    void cmp(Register left, Register right) {
        alu(Alu.CMP, left, right);
    }

    void cmp(Register left, Mem right) {
        alu(Alu.CMP, left, right);
    }

    void cmp(Mem left, int value) {
        alu(Alu.CMP, left, value);
    }

    void test(Register left, Register right) {
        sameWidth(left, right);
        registerForm(sized(0x85, left), right, left);
    }

    void test(Register left, int value) {
        if (left.number == 0) {
            prefixes(left.widthBytes, 0, 0, 0, false);
            db(left.widthBytes == 1 ? 0xa8 : 0xa9);
        } else {
            registerForm(sized(0xf7, left), 0, left);
        }
        little(value, Math.min(left.widthBytes, 4));
    }

    void test(Mem left, int value) {
        int width = width(left);
        int immediateBytes = Math.min(width, 4);
        memoryForm(width == 1 ? 0xf6 : 0xf7, width, 0, false, left, immediateBytes);
        little(value, immediateBytes);
    }

    void inc(Register r) {
        registerForm(sized(0xff, r), 0, r);
    }

    void dec(Register r) {
        registerForm(sized(0xff, r), 1, r);
    }

    void inc(Mem m) {
        memoryForm(width(m) == 1 ? 0xfe : 0xff, width(m), 0, false, m, 0);
    }

    /** RDX:RAX = RAX * r, by width. */
    void mul(Register r) {
        registerForm(sized(0xf7, r), 4, r);
    }

    /** RAX = RDX:RAX / r, RDX = the remainder, by width. */
    void div(Register r) {
        registerForm(sized(0xf7, r), 6, r);
    }

    void not(Register r) {
        registerForm(sized(0xf7, r), 2, r);
    }

    void shl(Register r, int count) {
        shift(4, r, count);
    }

    void shr(Register r, int count) {
        shift(5, r, count);
    }

    private void shift(int operation, Register r, int count) {
        if (count == 1) {
            registerForm(sized(0xd1, r), operation, r);
        } else {
            registerForm(sized(0xc1, r), operation, r);
            db(count);
        }
    }

    // ---- control flow

    void jmp(Label target) {
        db(0xe9);
        relative(target, 0, 0);
    }

    void jmp(Mem target) {
        memoryForm(0xff, 0, 4, false, target, 0);
    }

    void jump(Condition condition, Label target) {
        opcode(0x0f80 + condition.code);
        relative(target, 0, 0);
    }

    void call(Label target) {
        db(0xe8);
        relative(target, 0, 0);
    }

    void call(Mem target) {
        memoryForm(0xff, 0, 2, false, target, 0);
    }

    void ret() {
        db(0xc3);
    }

    /** Far return: pops RIP and CS. */
    void retfq() {
        db(0x48);
        db(0xcb);
    }

    void iretq() {
        db(0x48);
        db(0xcf);
    }

    /** Far jump to an absolute address; exists in 32-bit mode only. */
    void jmpFar(int selector, Label target) {
        if (inLongMode()) {
            throw new IllegalStateException("JMP ptr16:32 does not exist in long mode");
        }
        db(0xea);
        dd(target);
        dw(selector);
    }

    // ---- input and output

    void inAlDx() {
        db(0xec);
    }

    void inAxDx() {
        db(OPERAND_SIZE);
        db(0xed);
    }

    void inEaxDx() {
        db(0xed);
    }

    void inAl(int port) {
        db(0xe4);
        db(port);
    }

    void outDxAl() {
        db(0xee);
    }

    void outDxAx() {
        db(OPERAND_SIZE);
        db(0xef);
    }

    void outDxEax() {
        db(0xef);
    }

    void outAl(int port) {
        db(0xe6);
        db(port);
    }

    // ---- system

    void lgdt(Mem m) {
        memoryForm(0x0f01, 0, 2, false, m, 0);
    }

    void lidt(Mem m) {
        memoryForm(0x0f01, 0, 3, false, m, 0);
    }

    void movToControl(int controlRegister, Register from) {
        opcode(0x0f22);
        db(0xc0 | (controlRegister << 3) | from.low());
    }

    void movFromControl(Register to, int controlRegister) {
        opcode(0x0f20);
        db(0xc0 | (controlRegister << 3) | to.low());
    }

    void mov(Segment to, Register from) {
        opcode(0x8e);
        db(0xc0 | (to.code << 3) | from.low());
    }

    void rdmsr() {
        opcode(0x0f32);
    }

    void wrmsr() {
        opcode(0x0f30);
    }

    void cli() {
        db(0xfa);
    }

    void sti() {
        db(0xfb);
    }

    void hlt() {
        db(0xf4);
    }

    void cld() {
        db(0xfc);
    }

    void pause() {
        db(REP);
        db(0x90);
    }

    void ud2() {
        opcode(0x0f0b);
    }

    void lodsb() {
        db(0xac);
    }

    void repStosq() {
        db(REP);
        db(0x48);
        db(0xab);
    }
}
