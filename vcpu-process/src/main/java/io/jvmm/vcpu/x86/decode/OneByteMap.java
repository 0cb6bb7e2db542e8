package io.jvmm.vcpu.x86.decode;

import static io.jvmm.vcpu.x86.decode.Entry.A;
import static io.jvmm.vcpu.x86.decode.Entry.AP;
import static io.jvmm.vcpu.x86.decode.Entry.CL;
import static io.jvmm.vcpu.x86.decode.Entry.DX;
import static io.jvmm.vcpu.x86.decode.Entry.E;
import static io.jvmm.vcpu.x86.decode.Entry.ENTER;
import static io.jvmm.vcpu.x86.decode.Entry.ES;
import static io.jvmm.vcpu.x86.decode.Entry.G;
import static io.jvmm.vcpu.x86.decode.Entry.I1;
import static io.jvmm.vcpu.x86.decode.Entry.IB;
import static io.jvmm.vcpu.x86.decode.Entry.IBS;
import static io.jvmm.vcpu.x86.decode.Entry.INVALID;
import static io.jvmm.vcpu.x86.decode.Entry.IV;
import static io.jvmm.vcpu.x86.decode.Entry.IW;
import static io.jvmm.vcpu.x86.decode.Entry.IZ;
import static io.jvmm.vcpu.x86.decode.Entry.JB;
import static io.jvmm.vcpu.x86.decode.Entry.JZ;
import static io.jvmm.vcpu.x86.decode.Entry.LOCKABLE;
import static io.jvmm.vcpu.x86.decode.Entry.M;
import static io.jvmm.vcpu.x86.decode.Entry.OFFSET;
import static io.jvmm.vcpu.x86.decode.Entry.REPEATS;
import static io.jvmm.vcpu.x86.decode.Entry.SEG;
import static io.jvmm.vcpu.x86.decode.Entry.SW;
import static io.jvmm.vcpu.x86.decode.Entry.W64;
import static io.jvmm.vcpu.x86.decode.Entry.WV;
import static io.jvmm.vcpu.x86.decode.Entry.WV_MEM2;
import static io.jvmm.vcpu.x86.decode.Entry.WZ;
import static io.jvmm.vcpu.x86.decode.Entry.Z;
import static io.jvmm.vcpu.x86.decode.Entry.of;
import static io.jvmm.vcpu.x86.decode.Entry.source;
import static io.jvmm.vcpu.x86.decode.Entry.with;

/** The one-byte opcode map (SDM 2 table A-2), once for 64-bit code and once for the others. */
// Static imports: a line of the map should look like one of the SDM.
@SuppressWarnings("BadImport")
final class OneByteMap {
    private static final Op[] ARITHMETIC = {Op.ADD, Op.OR, Op.ADC, Op.SBB, Op.AND, Op.SUB, Op.XOR, Op.CMP};
    private static final Op[] SHIFTS = {Op.ROL, Op.ROR, Op.RCL, Op.RCR, Op.SHL, Op.SHR, Op.SHL, Op.SAR};

    private final long[] map = new long[256];
    private final Groups groups;
    private final boolean is64;

    private OneByteMap(Groups groups, boolean is64) {
        this.groups = groups;
        this.is64 = is64;
    }

    static long[] build(Groups groups, boolean is64) {
        final OneByteMap builder = new OneByteMap(groups, is64);
        builder.arithmetic();
        builder.stackAndMoves();
        builder.strings();
        builder.shiftsAndUnary();
        builder.control();
        builder.portsAndFlags();
        if (!is64) {
            builder.legacy();
        }
        return builder.map;
    }

    /** Either byte or full width: even opcode, odd opcode. */
    private static int width(int opcode) {
        return (opcode & 1) == 0 ? 1 : WV;
    }

    private void arithmetic() {
        for (int i = 0; i < 8; i++) {
            final Op op = ARITHMETIC[i];
            final long lock = op == Op.CMP ? 0 : LOCKABLE;
            map[i * 8] = with(of(op, 1, E, G), lock);
            map[i * 8 + 1] = with(of(op, WV, E, G), lock);
            map[i * 8 + 2] = of(op, 1, G, E);
            map[i * 8 + 3] = of(op, WV, G, E);
            map[i * 8 + 4] = of(op, 1, A, IBS);
            map[i * 8 + 5] = of(op, WV, A, IZ);
        }
        map[0x80] = group1(1, IBS);
        map[0x81] = group1(WV, IZ);
        map[0x82] = is64 ? INVALID : map[0x80];
        map[0x83] = group1(WV, IBS);
        map[0x84] = of(Op.TEST, 1, E, G);
        map[0x85] = of(Op.TEST, WV, E, G);
        map[0x86] = with(of(Op.XCHG, 1, E, G), LOCKABLE);
        map[0x87] = with(of(Op.XCHG, WV, E, G), LOCKABLE);
        map[0xa8] = of(Op.TEST, 1, A, IBS);
        map[0xa9] = of(Op.TEST, WV, A, IZ);
        map[0x69] = of(Op.IMUL, WV, G, E, IZ);
        map[0x6b] = of(Op.IMUL, WV, G, E, IBS);
    }

    private long group1(int width, int immediate) {
        final long[] cells = new long[8];
        for (int i = 0; i < 8; i++) {
            cells[i] = with(of(ARITHMETIC[i], width, E, immediate), ARITHMETIC[i] == Op.CMP ? 0 : LOCKABLE);
        }
        return groups.group(cells);
    }

    private void stackAndMoves() {
        for (int i = 0; i < 8; i++) {
            map[0x50 + i] = of(Op.PUSH, W64, Z);
            map[0x58 + i] = of(Op.POP, W64, Z);
            map[0x90 + i] = of(Op.XCHG, WV, Z, A);
            map[0xb0 + i] = of(Op.MOV, 1, Z, IBS);
            map[0xb8 + i] = of(Op.MOV, WV, Z, IV);
        }
        map[0x68] = of(Op.PUSH, W64, IZ);
        map[0x6a] = of(Op.PUSH, W64, IBS);
        map[0x88] = of(Op.MOV, 1, E, G);
        map[0x89] = of(Op.MOV, WV, E, G);
        map[0x8a] = of(Op.MOV, 1, G, E);
        map[0x8b] = of(Op.MOV, WV, G, E);
        map[0x8c] = of(Op.MOV_SEG, WV_MEM2, E, SW);
        map[0x8d] = of(Op.LEA, WV, G, M);
        map[0x8e] = of(Op.MOV_SEG, 2, SW, E);
        // The rest of the group is AMD's XOP prefix, which is not offered.
        map[0x8f] = groups.group(of(Op.POP, W64, E));
        map[0x98] = of(Op.CBW, WV);
        map[0x99] = of(Op.CWD, WV);
        map[0xa0] = of(Op.MOV, 1, A, OFFSET);
        map[0xa1] = of(Op.MOV, WV, A, OFFSET);
        map[0xa2] = of(Op.MOV, 1, OFFSET, A);
        map[0xa3] = of(Op.MOV, WV, OFFSET, A);
        // The other cells of group 11 are XABORT and XBEGIN.
        map[0xc6] = groups.group(of(Op.MOV, 1, E, IBS));
        map[0xc7] = groups.group(of(Op.MOV, WV, E, IZ));
        map[0xc8] = of(Op.ENTER, W64, ENTER);
        map[0xc9] = of(Op.LEAVE, W64);
        map[0xd7] = of(Op.XLAT, 1);
        if (is64) {
            map[0x63] = source(of(Op.MOVSXD, WV, G, ES), WZ);
        }
    }

    private void strings() {
        string(0x6c, Op.INS, WZ);
        string(0x6e, Op.OUTS, WZ);
        string(0xa4, Op.MOVS, WV);
        string(0xa6, Op.CMPS, WV);
        string(0xaa, Op.STOS, WV);
        string(0xac, Op.LODS, WV);
        string(0xae, Op.SCAS, WV);
    }

    private void string(int opcode, Op op, int width) {
        map[opcode] = with(of(op, 1), REPEATS);
        map[opcode + 1] = with(of(op, width), REPEATS);
    }

    private void shiftsAndUnary() {
        map[0xc0] = group2(1, IB);
        map[0xc1] = group2(WV, IB);
        map[0xd0] = group2(1, I1);
        map[0xd1] = group2(WV, I1);
        map[0xd2] = group2(1, CL);
        map[0xd3] = group2(WV, CL);
        for (int opcode = 0xf6; opcode <= 0xf7; opcode++) {
            final int width = width(opcode);
            final long test = of(Op.TEST, width, E, opcode == 0xf6 ? IBS : IZ);
            map[opcode] = groups.group(
                    test,
                    test,
                    with(of(Op.NOT, width, E), LOCKABLE),
                    with(of(Op.NEG, width, E), LOCKABLE),
                    of(Op.MUL, width, E),
                    of(Op.IMUL, width, E),
                    of(Op.DIV, width, E),
                    of(Op.IDIV, width, E));
        }
        map[0xfe] = groups.group(with(of(Op.INC, 1, E), LOCKABLE), with(of(Op.DEC, 1, E), LOCKABLE));
        final long increment = with(of(Op.INC, WV, E), LOCKABLE);
        final long decrement = with(of(Op.DEC, WV, E), LOCKABLE);
        map[0xff] = groups.group(
                new long[] {
                    increment,
                    decrement,
                    of(Op.CALL, W64, E),
                    of(Op.CALL_FAR, WV, M),
                    of(Op.JMP, W64, E),
                    of(Op.JMP_FAR, WV, M),
                    of(Op.PUSH, W64, E)
                },
                new long[] {
                    increment, decrement, of(Op.CALL, W64, E), INVALID, of(Op.JMP, W64, E), INVALID, of(Op.PUSH, W64, E)
                });
    }

    private long group2(int width, int count) {
        final long[] cells = new long[8];
        for (int i = 0; i < 8; i++) {
            cells[i] = of(SHIFTS[i], width, E, count);
        }
        return groups.group(cells);
    }

    private void control() {
        for (int i = 0; i < 16; i++) {
            map[0x70 + i] = of(Op.JCC, W64, JB);
        }
        map[0xe0] = of(Op.LOOPNE, W64, JB);
        map[0xe1] = of(Op.LOOPE, W64, JB);
        map[0xe2] = of(Op.LOOP, W64, JB);
        map[0xe3] = of(Op.JCXZ, W64, JB);
        map[0xe8] = of(Op.CALL, W64, JZ);
        map[0xe9] = of(Op.JMP, W64, JZ);
        map[0xeb] = of(Op.JMP, W64, JB);
        map[0xc2] = of(Op.RET, W64, IW);
        map[0xc3] = of(Op.RET, W64);
        map[0xca] = of(Op.RET_FAR, WV, IW);
        map[0xcb] = of(Op.RET_FAR, WV);
        map[0xcc] = of(Op.INT3, WV);
        map[0xcd] = of(Op.INT, WV, IB);
        map[0xcf] = of(Op.IRET, WV);
        map[0xf1] = of(Op.INT1, WV);
    }

    private void portsAndFlags() {
        map[0xe4] = of(Op.IN, 1, A, IB);
        map[0xe5] = of(Op.IN, WZ, A, IB);
        map[0xe6] = of(Op.OUT, 1, IB, A);
        map[0xe7] = of(Op.OUT, WZ, IB, A);
        map[0xec] = of(Op.IN, 1, A, DX);
        map[0xed] = of(Op.IN, WZ, A, DX);
        map[0xee] = of(Op.OUT, 1, DX, A);
        map[0xef] = of(Op.OUT, WZ, DX, A);
        map[0x9b] = of(Op.FWAIT, WV);
        map[0x9c] = of(Op.PUSHF, W64);
        map[0x9d] = of(Op.POPF, W64);
        map[0x9e] = of(Op.SAHF, 1);
        map[0x9f] = of(Op.LAHF, 1);
        map[0xf4] = of(Op.HLT, WV);
        map[0xf5] = of(Op.CMC, WV);
        map[0xf8] = of(Op.CLC, WV);
        map[0xf9] = of(Op.STC, WV);
        map[0xfa] = of(Op.CLI, WV);
        map[0xfb] = of(Op.STI, WV);
        map[0xfc] = of(Op.CLD, WV);
        map[0xfd] = of(Op.STD, WV);
    }

    /** What 64-bit mode took away: SDM 2 table A-2, superscript i64. */
    private void legacy() {
        for (int i = 0; i < 4; i++) {
            map[0x06 + 8 * i] = of(Op.PUSH, WV, SEG + i);
            if (i != 1) {
                map[0x07 + 8 * i] = of(Op.POP, WV, SEG + i);
            }
        }
        map[0x27] = of(Op.DAA, 1);
        map[0x2f] = of(Op.DAS, 1);
        map[0x37] = of(Op.AAA, 1);
        map[0x3f] = of(Op.AAS, 1);
        for (int i = 0; i < 8; i++) {
            map[0x40 + i] = of(Op.INC, WV, Z);
            map[0x48 + i] = of(Op.DEC, WV, Z);
        }
        map[0x60] = of(Op.PUSHA, WV);
        map[0x61] = of(Op.POPA, WV);
        // With a register operand these three are EVEX and VEX prefixes, which are not offered.
        map[0x62] = of(Op.BOUND, WV, G, M);
        map[0xc4] = of(Op.LES, WV, G, M);
        map[0xc5] = of(Op.LDS, WV, G, M);
        map[0x63] = of(Op.ARPL, 2, E, G);
        map[0x9a] = of(Op.CALL_FAR, WV, AP);
        map[0xea] = of(Op.JMP_FAR, WV, AP);
        map[0xce] = of(Op.INTO, WV);
        map[0xd4] = of(Op.AAM, 1, IB);
        map[0xd5] = of(Op.AAD, 1, IB);
    }
}
