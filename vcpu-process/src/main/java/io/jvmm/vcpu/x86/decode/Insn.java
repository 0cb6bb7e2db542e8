package io.jvmm.vcpu.x86.decode;

/**
 * One decoded instruction: what it does ({@link #op}), how wide, and its explicit operands; implicit ones (RAX of MUL, RSI
 * and RDI of MOVS, the flags) follow from the op as in SDM 2. Filled by {@link Decoder}, read by everybody else.
 *
 * <p>Positions are relative: an instruction knows its offset from the start of its block ({@link #offset}) and its length, so
 * that the same code can be shared by all linear addresses at which its page is mapped.
 *
 * <p>Explicit operands are those that Intel's assembly language writes, in its order, destination first. What that leaves open:
 *
 * <table>
 *   <caption>Conventions</caption>
 *   <tr><td>shifts, rotates</td><td>operand, count: IMM (1 for D0, D1; not masked) or GPR 1, which is CL</td></tr>
 *   <tr><td>SHLD, SHRD</td><td>destination, register, count (IMM or GPR 1 for CL)</td></tr>
 *   <tr><td>IMUL</td><td>one operand: into rDX:rAX; two: first times second; three: second times IMM</td></tr>
 *   <tr><td>MUL, DIV, IDIV, NOT, NEG</td><td>one operand</td></tr>
 *   <tr><td>BT, BTS, BTR, BTC</td><td>bit base, index: GPR (which with MEM reaches beyond the operand, signed) or IMM</td></tr>
 *   <tr><td>XCHG, XADD, CMPXCHG</td><td>ModRM.rm, register; 91..97: register, GPR 0. 90 is NOP, F3 90 PAUSE</td></tr>
 *   <tr><td>NOP, PAUSE, ENDBR</td><td>no operands, even when there is a ModRM byte: nothing is accessed</td></tr>
 *   <tr><td>MOV with an absolute address</td><td>GPR 0 and MEM with a displacement alone, of {@link #addressBytes}</td></tr>
 *   <tr><td>MOV_SEG</td><td>SEGMENT, then ModRM.rm, or the reverse; width 2 but for a GPR destination; never to CS</td></tr>
 *   <tr><td>MOV_CR, MOV_DR</td><td>GPR, CONTROL to read, CONTROL, GPR to write; width 8 in 64-bit mode, else 4. Numbers of
 *       registers that do not exist are INVALID (DR4 and DR5 depend on CR4.DE and are not)</td></tr>
 *   <tr><td>PUSH, POP</td><td>GPR, MEM, SEGMENT, or IMM sign-extended; operandBytes is what RSP moves by</td></tr>
 *   <tr><td>JMP, CALL, JCC, LOOPx, JCXZ, RET</td><td>REL, GPR or MEM; operandBytes is the width of the new RIP: with 66 in 64-bit
 *       mode 2, as on AMD. RET has IMM or nothing. LOOPx and JCXZ count in addressBytes of rCX</td></tr>
 *   <tr><td>JMP_FAR, CALL_FAR</td><td>FAR, or MEM: an offset of operandBytes, then the selector. LES and the like: GPR, MEM</td></tr>
 *   <tr><td>ENTER</td><td>IMM; imm is the size, imm2 the level</td></tr>
 *   <tr><td>strings, XLAT</td><td>no operands; {@link #segment} is that of rSI (XLAT: rBX); the ES of rDI is fixed</td></tr>
 *   <tr><td>IN, OUT</td><td>destination, source: GPR 0, and the port as IMM or GPR 2, which is DX</td></tr>
 *   <tr><td>CBW, CWD</td><td>operandBytes is the width of the destination (CBW: 2, 4, 8) and of each half (CWD)</td></tr>
 *   <tr><td>LGDT, SGDT, LIDT, SIDT</td><td>operandBytes is 8 in 64-bit mode, else 4, or 2 where the base has 24 bits</td></tr>
 *   <tr><td>SLDT, STR, SMSW</td><td>width 2 to MEM, the operand width to a GPR. LLDT, LTR, VERx, LMSW: 2</td></tr>
 *   <tr><td>SYSRET, SYSEXIT, IRET, RET_FAR</td><td>operandBytes tells the form</td></tr>
 *   <tr><td>PREFETCH, CLFLUSH, INVLPG</td><td>MEM, of which only the address counts</td></tr>
 *   <tr><td>FXSAVE, XSAVE and the like</td><td>MEM; operandBytes is 512, sourceBytes 8 for the form with REX.W and else 4</td></tr>
 *   <tr><td>x87</td><td>MEM, ST, or two of ST of which one is ST(0); FNSTSW: MEM or GPR 0; 14 and 28, 94 and 108 bytes of
 *       environment and state by operand size; 10 where nothing is in memory</td></tr>
 *   <tr><td>MOVD, MOVQ with GPR</td><td>MOVD has width 4, MOVQ 8. MOVQ between two MMX or two XMM operands has 8 too</td></tr>
 *   <tr><td>CVT* and CRC32 with GPR</td><td>operandBytes is the destination's width, sourceBytes the source's</td></tr>
 *   <tr><td>PINSRx, PEXTRx, INSERTPS, EXTRACTPS</td><td>operandBytes is that of the element. A GPR source gives its low part, a GPR
 *       destination is written in full, zero-extended: never as AH to BH; so with MOVMSKPx, PMOVMSKB</td></tr>
 *   <tr><td>PCMPESTRx</td><td>sourceBytes is the width of the lengths in rAX and rDX, 4 or 8</td></tr>
 *   <tr><td>BLENDVPx, PBLENDVB</td><td>two operands; the mask in XMM0 is implicit, as are MASKMOVQ's and MASKMOVDQU's memory at
 *       {@link #segment}:rDI, and the registers of PCMPESTRx and PCMPISTRx</td></tr>
 * </table>
 */
public final class Insn {
    /** {@link #base} and {@link #indexRegister} of an address without one: index of the zero register in {@code Cpu.r}. */
    public static final int NO_REGISTER = 16;
    /** {@link #base} of a RIP-relative address: the displacement counts from the end of the instruction. */
    public static final int RIP = 17;

    public Op op = Op.INVALID;
    /** Condition 0..15 of JCC, SETCC, CMOVCC; means nothing elsewhere. */
    public int condition;
    /** Bytes from the start of the block. */
    public int offset;
    /** 1..15 bytes. */
    public int length;
    /** 2, 4 or 8: the mode this was decoded for. */
    public int codeBytes;
    /**
     * Width of the operation in bytes: 1, 2, 4, 8 for integers (for MOVZX/MOVSX/MOVSXD that of the destination, the
     * source's is {@link #sourceBytes}); for stack operations the width pushed; for x87 and SIMD that of the memory operand
     * (up to 16; 10, 14, 28, 94, 108, 512 where the instruction has such).
     */
    public int operandBytes;
    /** Width of the source where it differs from the destination's, else {@link #operandBytes}. */
    public int sourceBytes;
    /** 2, 4 or 8. */
    public int addressBytes;
    /** LOCK prefix, on an instruction that allows it with a memory destination (others are INVALID). */
    public boolean lock;
    /** F3 prefix where it means REP or REPE. */
    public boolean rep;
    /** F2 prefix where it means REPNE. */
    public boolean repne;

    /** Explicit operands in Intel order: destination first. */
    public OperandKind kind1 = OperandKind.NONE;

    public OperandKind kind2 = OperandKind.NONE;
    public OperandKind kind3 = OperandKind.NONE;
    /** Register numbers of the operands that are registers. */
    public int reg1;

    public int reg2;
    public int reg3;

    /**
     * Effective segment of the memory operand (or of the source of a string instruction): 0..5 as ES CS SS DS FS GS. The override, else
     * SS for a base of rSP or rBP, else DS. In 64-bit mode overrides other than FS and GS count as none.
     */
    public int segment;
    /** Base register of the memory operand, {@link #NO_REGISTER} or {@link #RIP}. */
    public int base = NO_REGISTER;
    /** Index register, or {@link #NO_REGISTER}. */
    public int indexRegister = NO_REGISTER;
    /** 0..3. */
    public int scaleShift;
    /** Sign-extended, but for an absolute address (MOV A0..A3), which is zero-extended. */
    public long displacement;
    /**
     * Immediate, relative target or far offset. Sign-extended to 64 bits for arithmetic, moves, pushes and targets; zero-extended for
     * counts, bit indexes, ports, vectors, far offsets, RET, ENTER, AAM, AAD and all of SIMD. In INVALID: 1 when the instruction
     * is one for being longer than 15 bytes.
     */
    public long imm;
    /** Second immediate: ENTER's level, a far pointer's selector. */
    public int imm2;

    /** Offset of the next instruction from the start of the block. */
    public int end() {
        return offset + length;
    }

    /** Whether any operand is the memory operand. */
    public boolean hasMemory() {
        return kind1 == OperandKind.MEM || kind2 == OperandKind.MEM || kind3 == OperandKind.MEM;
    }
}
