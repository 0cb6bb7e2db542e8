package io.jvmm.vcpu.x86.oracle.sys;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.vcpu.x86.mmu.Vector;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The reference itself: that it runs what it is told to, in both modes, and lives through faults. */
class NativeCpuTest {
    private final NativeCpu cpu = new NativeCpu();
    private final NativeState state = new NativeState();

    private void run(String hex) {
        final byte[] code = HexFormat.of().parseHex(hex);
        cpu.run(code, code.length, state);
    }

    private void run32(String hex) {
        final byte[] code = HexFormat.of().parseHex(hex);
        cpu.run32(code, code.length, state);
    }

    @Test
    void registersAndFlagsGoInAndOut() {
        for (int i = 0; i < 16; i++) {
            state.r[i] = 0x1111_1111_1111_1111L * i;
        }
        state.flags = 2;
        run("4c01f8"); // add rax, r15
        assertEquals(-1, state.vector);
        assertEquals(0xffff_ffff_ffff_ffffL, state.r[0]);
        assertEquals(0x4444_4444_4444_4444L, state.r[4]);
        assertEquals(0xeeee_eeee_eeee_eeeeL, state.r[14]);
        assertEquals(0x84, state.flags & 0x8d5);
    }

    @Test
    void memoryOperandsAreInTheScratch() {
        cpu.scratch().set(ValueLayout.JAVA_LONG, 64, 5);
        state.r[3] = cpu.scratch().address();
        state.r[0] = 7;
        run("48014340"); // add [rbx + 64], rax
        assertEquals(12, cpu.scratch().get(ValueLayout.JAVA_LONG, 64));
    }

    @Test
    void faultsAreCaughtWithTheirRegisters() {
        state.r[0] = 9;
        state.r[4] = 0x123;
        run("48f7f1"); // div rcx, by zero
        assertEquals(Vector.DE, state.vector);
        assertEquals(9, state.r[0]);
        assertEquals(0x123, state.r[4]);
        run("0f0b"); // ud2
        assertEquals(Vector.UD, state.vector);
        state.r[1] = cpu.scratch().address() - 8;
        run("488901"); // mov [rcx], rax: the guard
        assertEquals(Vector.PF, state.vector);
        assertEquals(cpu.scratch().address() - 8, state.faultAddress);
        assertEquals(6, state.errorCode & 6);
        run("f4"); // hlt
        assertEquals(Vector.GP, state.vector);
        run("90");
        assertEquals(-1, state.vector);
    }

    @Test
    void branchesTellWhereTheyWent() {
        state.r[0] = cpu.takenAddress();
        run("ffe0"); // jmp rax
        assertTrue(state.taken);
        run("90");
        assertFalse(state.taken);
    }

    @Test
    void thirtyTwoBitCode() {
        state.r[0] = 0x0f;
        state.r[4] = 0x1000;
        state.flags = 2;
        run32("27"); // daa
        assertEquals(-1, state.vector);
        assertEquals(0x15, state.r[0]);
        state.r[3] = cpu.scratch().address();
        cpu.scratch().set(ValueLayout.JAVA_INT, 0, 41);
        run32("ff03"); // inc dword [ebx]
        assertEquals(42, cpu.scratch().get(ValueLayout.JAVA_INT, 0));
        run32("d400"); // aam 0
        assertEquals(Vector.DE, state.vector);
        state.r[0] = cpu.takenAddress32();
        run32("ffe0");
        assertTrue(state.taken);
    }

    /** Needs binutils, as the decoder's tests do. */
    @Test
    void theStubIsWhatItsSourceSays(@TempDir Path directory) throws IOException, InterruptedException {
        final Path source = directory.resolve("stub.s");
        try (InputStream text = NativeCpu.class.getResourceAsStream("stub.s")) {
            Files.copy(Objects.requireNonNull(text), source);
        }
        tool(directory, "as", "-o", "stub.o", "stub.s");
        tool(directory, "objcopy", "-O", "binary", "-j", ".text", "stub.o", "stub.bin");
        assertArrayEquals(Files.readAllBytes(directory.resolve("stub.bin")), NativeCpu.stub());
    }

    private static void tool(Path directory, String... command) throws IOException, InterruptedException {
        final Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .inheritIO()
                .start();
        assertEquals(0, process.waitFor(), command[0]);
    }

    @Test
    void vectorsAndX87() {
        state.setXmm(1, 0, Double.doubleToLongBits(1.5));
        state.setXmm(15, 0, Double.doubleToLongBits(2.25));
        final byte[] add = HexFormat.of().parseHex("f2410f58cf"); // addsd xmm1, xmm15
        cpu.runWithFx(add, add.length, state);
        assertEquals(3.75, Double.longBitsToDouble(state.xmm(1, 0)));
        final byte[] one = HexFormat.of().parseHex("d9e8"); // fld1
        cpu.runWithFx(one, one.length, state);
        assertEquals(0x3fff, state.signExponent(0));
        assertEquals(Long.MIN_VALUE, state.significand(0));
        assertEquals(0x80, state.validRegisters());
    }
}
