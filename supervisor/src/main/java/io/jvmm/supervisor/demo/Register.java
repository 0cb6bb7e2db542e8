package io.jvmm.supervisor.demo;

/** A general-purpose register under one of its names; the name carries the operand width (SDM 1, 3.4.1). */
enum Register {
    RAX(0, 8),
    RCX(1, 8),
    RDX(2, 8),
    RBX(3, 8),
    RSP(4, 8),
    RBP(5, 8),
    RSI(6, 8),
    RDI(7, 8),
    R8(8, 8),
    R9(9, 8),
    R10(10, 8),
    R11(11, 8),
    R12(12, 8),
    R13(13, 8),
    R14(14, 8),
    R15(15, 8),
    EAX(0, 4),
    ECX(1, 4),
    EDX(2, 4),
    EBX(3, 4),
    ESP(4, 4),
    EBP(5, 4),
    ESI(6, 4),
    EDI(7, 4),
    R8D(8, 4),
    R9D(9, 4),
    R10D(10, 4),
    R11D(11, 4),
    R12D(12, 4),
    R13D(13, 4),
    R14D(14, 4),
    R15D(15, 4),
    AX(0, 2),
    CX(1, 2),
    DX(2, 2),
    BX(3, 2),
    BP(5, 2),
    SI(6, 2),
    DI(7, 2),
    AL(0, 1),
    CL(1, 1),
    DL(2, 1),
    BL(3, 1),
    BPL(5, 1),
    SIL(6, 1),
    DIL(7, 1),
    R8B(8, 1),
    R12B(12, 1);

    final int number;
    final int widthBytes;

    Register(int number, int widthBytes) {
        this.number = number;
        this.widthBytes = widthBytes;
    }

    /** The low three bits, as ModRM, SIB and the opcode hold them. */
    int low() {
        return number & 7;
    }

    boolean extended() {
        return number >= 8;
    }

    /** SPL, BPL, SIL and DIL exist only with a REX prefix; without one these numbers mean AH to BH. */
    boolean needsRex() {
        return widthBytes == 1 && number >= 4;
    }
}
