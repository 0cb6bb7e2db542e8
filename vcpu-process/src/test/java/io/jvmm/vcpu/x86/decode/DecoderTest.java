package io.jvmm.vcpu.x86.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Corners of the opcode maps as SDM 2 words them, hostile bytes, and the cost. */
class DecoderTest {
    private static Insn decode(int codeBytes, String hex) {
        Insn insn = new Insn();
        byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
        assertTrue(Decoder.decode(code, 0, code.length, codeBytes, insn), hex);
        return insn;
    }

    /** Mode, bytes, and what the SDM calls it. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        8 | 90                            | NOP 1
        8 | 66 90                         | NOP 2
        8 | f3 90                         | PAUSE 2
        8 | 41 90                         | XCHG 2
        8 | 48 90                         | NOP 2
        8 | f3 0f 1e fa                   | ENDBR 4
        8 | 0f 1e fa                      | NOP 3
        8 | 66 2e 0f 1f 84 00 00 00 00 00 | NOP 10
        8 | 0f 18 08                      | PREFETCH 3
        8 | 0f 18 c8                      | NOP 3
        8 | 0f 0d 08                      | PREFETCH 3
        8 | f0 01 08                      | ADD 3
        8 | f0 01 c8                      | INVALID 3
        8 | f0 39 08                      | INVALID 3
        8 | f0 03 08                      | INVALID 3
        8 | f0 90                         | INVALID 2
        8 | f0 0f a3 08                   | INVALID 4
        8 | f0 0f ab 08                   | BTS 4
        8 | f0 0f ba 20 01                | INVALID 4
        8 | f0 48 0f c7 08                | INVALID 5
        8 | f0 0f c7 08                   | CMPXCHG8B 4
        8 | 48 0f c7 08                   | INVALID 4
        8 | 48 66 01 c8                   | ADD 4
        8 | 06                            | INVALID 1
        8 | 62 01                         | INVALID 1
        8 | c5 f8 77                      | INVALID 1
        8 | c4 e2 78 f2                   | INVALID 1
        8 | 8f e8 00                      | INVALID 2
        8 | 82 c0 01                      | INVALID 1
        8 | 9a 00 00 00 00 00 00          | INVALID 1
        8 | d6                            | INVALID 1
        8 | 0f 0f c0 9e                   | INVALID 2
        8 | 0f 0e                         | INVALID 2
        8 | 0f 0b                         | UD 2
        8 | 0f b9 c0                      | UD 3
        8 | 0f ff c0                      | UD 3
        8 | 0f 20 c8                      | INVALID 3
        8 | 44 0f 20 c0                   | MOV_CR 4
        8 | 44 0f 21 c0                   | INVALID 4
        8 | 0f 20 00                      | MOV_CR 3
        8 | 8e c8                         | INVALID 2
        8 | 8e f0                         | INVALID 2
        8 | 0f 01 f8                      | SWAPGS 3
        4 | 0f 01 f8                      | INVALID 3
        8 | 0f 01 c1                      | INVALID 3
        8 | 0f 01 ca                      | CLAC 3
        8 | 66 0f 01 d0                   | INVALID 4
        8 | f3 0f bc c1                   | BSF 4
        8 | f3 0f b8 c1                   | POPCNT 4
        8 | 0f b8 c1                      | INVALID 2
        8 | f2 0f 38 f1 c1                | CRC32 5
        8 | 66 f2 0f 38 f1 c1             | CRC32 6
        8 | f3 0f 58 c1                   | ADDSS 4
        8 | 66 f3 0f 58 c1                | ADDSS 5
        8 | f3 66 0f 58 c1                | ADDSS 5
        8 | f3 f2 0f 58 c1                | ADDSD 5
        8 | f2 f3 0f 58 c1                | ADDSS 5
        8 | f3 0f 54 c1                   | INVALID 3
        8 | 0f 12 c1                      | MOVHLPS 3
        8 | 0f 12 01                      | MOVLPS 3
        8 | 66 0f 12 c1                   | INVALID 4
        8 | 0f 71 f0 03                   | PSLLW 4
        8 | 0f 71 30                      | INVALID 3
        8 | 66 0f 73 f8 03                | PSLLDQ 5
        8 | 0f 73 f8 03                   | INVALID 3
        8 | 66 48 0f 6e c0                | MOVQ 5
        8 | 66 0f 6e c0                   | MOVD 4
        8 | 66 48 0f 3a 16 c0 01          | PEXTRQ 7
        8 | 0f ae e8                      | LFENCE 3
        8 | 0f ae 38                      | CLFLUSH 3
        8 | 66 0f ae 38                   | CLFLUSHOPT 4
        8 | d9 d0                         | FNOP 2
        8 | d9 d1                         | INVALID 2
        8 | df e0                         | FNSTSW 2
        8 | df e1                         | INVALID 2
        8 | c6 f8 00                      | INVALID 2
        8 | ff f8                         | INVALID 2
        8 | ff d8                         | INVALID 2
        8 | fe d0                         | INVALID 2
        8 | 8d c0                         | INVALID 2
        8 | f1                            | INT1 1
        4 | 06                            | PUSH 1
        4 | 0f                            | MORE 0
        4 | 40                            | INC 1
        4 | 62 c0                         | INVALID 2
        4 | c5 c0                         | INVALID 2
        4 | c5 00                         | LDS 2
        4 | 63 c0                         | ARPL 2
        4 | 9a 01 02 03 04 05 06          | CALL_FAR 7
        2 | 9a 01 02 03 04                | CALL_FAR 5
        2 | 66 ea 01 02 03 04 05 06       | JMP_FAR 8
        2 | 60                            | PUSHA 1
        2 | c8 01 02 03                   | ENTER 4
        2 | d5 0a                         | AAD 2
        """)
    void corners(int codeBytes, String hex, String expected) {
        Insn insn = new Insn();
        byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
        // What follows a decision does not matter.
        boolean complete = Decoder.decode(code, 0, code.length, codeBytes, insn);
        assertEquals(expected, complete ? insn.op + " " + insn.length : "MORE 0");
    }

    @Test
    void highByteRegistersNeedTheAbsenceOfRex() {
        Insn insn = decode(8, "88 e0");
        assertEquals(OperandKind.GPR_HIGH, insn.kind2);
        assertEquals(0, insn.reg2);
        insn = decode(8, "40 88 e0");
        assertEquals(OperandKind.GPR, insn.kind2);
        assertEquals(4, insn.reg2);
    }

    @Test
    void segmentsOfAddresses() {
        assertEquals(2, decode(8, "8b 45 00").segment);
        assertEquals(2, decode(8, "8b 04 24").segment);
        assertEquals(3, decode(8, "41 8b 45 00").segment);
        // SDM 1 3.3.7.1.
        assertEquals(2, decode(8, "3e 8b 45 00").segment);
        assertEquals(3, decode(4, "3e 8b 45 00").segment);
        assertEquals(4, decode(8, "64 3e 8b 45 00").segment);
        assertEquals(2, decode(2, "8b 02").segment);
        assertEquals(3, decode(2, "8b 06 34 12").segment);
        assertEquals(0, decode(2, "26 a4").segment);
    }

    @Test
    void addresses() {
        Insn insn = decode(8, "8b 05 fc ff ff ff");
        assertEquals(Insn.RIP, insn.base);
        assertEquals(-4, insn.displacement);
        insn = decode(8, "8b 04 25 00 00 00 80");
        assertEquals(Insn.NO_REGISTER, insn.base);
        assertEquals(Insn.NO_REGISTER, insn.indexRegister);
        assertEquals(0xffff_ffff_8000_0000L, insn.displacement);
        insn = decode(8, "42 8b 04 a5 10 00 00 00");
        assertEquals(12, insn.indexRegister);
        assertEquals(2, insn.scaleShift);
        insn = decode(2, "8b 42 fe");
        assertEquals(5, insn.base);
        assertEquals(6, insn.indexRegister);
        assertEquals(-2, insn.displacement);
        insn = decode(8, "a1 88 77 66 55 44 33 22 f1");
        assertEquals(0xf1223344_55667788L, insn.displacement);
        assertEquals(OperandKind.MEM, insn.kind2);
        insn = decode(8, "67 a1 44 33 22 f1");
        assertEquals(0xf1223344L, insn.displacement);
    }

    @Test
    void widthsAndImmediates() {
        Insn insn = decode(8, "48 c7 c0 ff ff ff ff");
        assertEquals(-1, insn.imm);
        assertEquals(8, insn.operandBytes);
        assertEquals(0x80, decode(8, "cd 80").imm);
        assertEquals(-128, decode(8, "6a 80").imm);
        assertEquals(8, decode(8, "6a 80").operandBytes);
        assertEquals(2, decode(8, "66 6a 80").operandBytes);
        insn = decode(8, "0f be c0");
        assertEquals(4, insn.operandBytes);
        assertEquals(1, insn.sourceBytes);
        insn = decode(8, "f2 48 0f 2d c1");
        assertEquals(8, insn.operandBytes);
        assertEquals(8, insn.sourceBytes);
        insn = decode(8, "f3 48 0f 2a c1");
        assertEquals(4, insn.operandBytes);
        assertEquals(8, insn.sourceBytes);
        assertEquals(8, decode(8, "48 0f ae 00").sourceBytes);
        assertEquals(4, decode(8, "0f ae 00").sourceBytes);
        assertEquals(28, decode(8, "d9 30").operandBytes);
        assertEquals(94, decode(2, "dd 30").operandBytes);
        insn = decode(4, "9a 01 02 03 84 05 06");
        assertEquals(0x84030201L, insn.imm);
        assertEquals(0x605, insn.imm2);
        assertEquals(1, decode(8, "d1 e0").imm);
        assertEquals(8, decode(8, "0f 20 c0").operandBytes);
        assertEquals(4, decode(4, "0f 20 c0").operandBytes);
        assertEquals(2, decode(8, "8c 18").operandBytes);
        assertEquals(4, decode(8, "8c d8").operandBytes);
    }

    @Test
    void moreThanFifteenBytes() {
        byte[] code = new byte[32];
        Arrays.fill(code, (byte) 0x66);
        Insn insn = new Insn();
        assertTrue(Decoder.decode(code, 0, 32, 8, insn));
        assertEquals(Op.INVALID, insn.op);
        assertEquals(15, insn.length);
        assertEquals(1, insn.imm);
        assertTrue(Decoder.decode(code, 0, 15, 8, insn));
        assertEquals(1, insn.imm);
        assertFalse(Decoder.decode(code, 0, 14, 8, insn));
        code[14] = (byte) 0x90;
        assertTrue(Decoder.decode(code, 0, 15, 8, insn));
        assertEquals(Op.NOP, insn.op);
        assertEquals(15, insn.length);
    }

    @Test
    void hostileBytesAndTruncation() {
        long seed = 20261121;
        Random random = new Random(seed);
        System.out.println("hostile bytes: seed " + seed);
        byte[] code = new byte[24];
        Insn insn = new Insn();
        Insn again = new Insn();
        for (int i = 0; i < 1_000_000; i++) {
            random.nextBytes(code);
            if ((i & 1) == 0) {
                code[0] = 0x0f;
            }
            int codeBytes = 2 << i % 3;
            assertTrue(Decoder.decode(code, 0, code.length, codeBytes, insn));
            assertTrue(insn.length >= 1 && insn.length <= 15, "length");
            if (i % 16 == 0) {
                int less = random.nextInt(insn.length);
                assertFalse(Decoder.decode(code, 0, less, codeBytes, again), "truncated");
                assertTrue(Decoder.decode(code, 0, insn.length, codeBytes, again));
                assertEquals(insn.op, again.op);
                assertEquals(IntelTextOrInvalid.of(insn), IntelTextOrInvalid.of(again));
            }
        }
    }

    /** What is compared of two decodings. */
    private static final class IntelTextOrInvalid {
        static String of(Insn insn) {
            return IntelText.of(insn, 0) + insn.length + insn.operandBytes + insn.segment;
        }
    }

    @Test
    void decodingAllocatesNothing() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        byte[] code =
                HexFormat.of().parseHex("488b84cb10000000f0480fc11166f20f38f1c1660f3a63c10c9090909090909090909090");
        Insn insn = new Insn();
        long least = Long.MAX_VALUE;
        for (int window = 0; window < 10 && least > 0; window++) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < 10_000; i++) {
                for (int at = 0; at < 20; at += insn.length) {
                    Decoder.decode(code, at, code.length, 8, insn);
                }
            }
            least = Math.min(least, threads.getCurrentThreadAllocatedBytes() - before);
        }
        assertEquals(0, least);
    }
}
