package io.jvmm.vcpu.x86.oracle;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.Allocations;
import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.fpu.X87;
import io.jvmm.vcpu.x86.mmu.Vector;
import io.jvmm.vcpu.x86.oracle.sys.NativeCpu;
import io.jvmm.vcpu.x86.oracle.sys.NativeState;
import io.jvmm.vcpu.x86.simd.SimdFactory;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What user mode cannot try on the host: the control registers that forbid SIMD instructions (SDM 3A 2.5, tables 13-1 and 14-1), stores that
 * meet the end of memory, and that no step allocates.
 */
class SimdFaultsTest {
    private static final long EM = 4;
    private static final long TS = 8;
    private static final long OSFXSR = 0x200;
    private static final long OSXMMEXCPT = 0x400;
    private static final long SYSTEM = 0x8001_0033L;

    private final NativeCpu layout = new NativeCpu();
    private final InterpretedCpu guest = new InterpretedCpu(layout, new SimdFactory());
    private final Cpu cpu = guest.cpu;
    private final NativeState state = new NativeState();
    private final long scratch = layout.scratch().address();

    @BeforeEach
    void usual() {
        cpu.cr0 = SYSTEM;
        cpu.cr4 = 0x20 | OSFXSR | OSXMMEXCPT;
        cpu.mxcsr = 0x1f80;
    }

    private int vector(String hex) {
        final byte[] code = HexFormat.of().parseHex(hex.replace(" ", ""));
        guest.run(guest.build(code, code.length), code.length, layout.slotAddress(), state);
        return state.vector;
    }

    /** PADDB, MOVAPS load and store, ADDSD, MOVQ store, CVTSI2SD, PEXTRB. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "660ffcc1",
                "0f2803",
                "0f2903",
                "f20f58c1",
                "660fd603",
                "f20f2ac0",
                "660f3a14c001",
                "660ff7c1",
                "660f71f001"
            })
    void sseAsksTheControlRegisters(String hex) {
        state.r[3] = scratch;
        state.r[7] = scratch;
        assertEquals(-1, vector(hex));
        cpu.cr0 = SYSTEM | TS;
        assertEquals(Vector.NM, vector(hex));
        cpu.cr0 = SYSTEM | EM;
        assertEquals(Vector.UD, vector(hex));
        cpu.cr0 = SYSTEM | EM | TS;
        assertEquals(Vector.UD, vector(hex));
        cpu.cr0 = SYSTEM;
        cpu.cr4 = 0x20;
        assertEquals(Vector.UD, vector(hex));
    }

    /** PADDB, MOVQ store, MOVD, PSHUFB, PSRLW, MASKMOVQ. */
    @ParameterizedTest
    @ValueSource(strings = {"0ffcc1", "0f7f03", "0f6ec0", "0f3800c1", "0f71d001", "0ff7c1"})
    void mmxAsksTheControlRegisters(String hex) {
        state.r[3] = scratch;
        state.r[7] = scratch;
        cpu.cr4 = 0x20;
        assertEquals(-1, vector(hex));
        cpu.cr0 = SYSTEM | TS;
        assertEquals(Vector.NM, vector(hex));
        cpu.cr0 = SYSTEM | EM;
        assertEquals(Vector.UD, vector(hex));
        cpu.cr0 = SYSTEM;
        cpu.x87.statusWord = 1 | X87.SUMMARY;
        assertEquals(Vector.MF, vector(hex));
        cpu.x87.statusWord = 0;
    }

    @Test
    void unmaskedExceptionsAreUndefinedWithoutTheSystemsConsent() {
        cpu.mxcsr = 0x1f00;
        cpu.xmm[0] = 0;
        cpu.xmm[2] = 0;
        assertEquals(Vector.XM, vector("f20f5ec1"));
        cpu.cr4 = 0x20 | OSFXSR;
        assertEquals(Vector.UD, vector("f20f5ec1"));
        assertEquals(0x1f01, cpu.mxcsr);
    }

    @Test
    void storesThatMeetTheEndOfMemoryWriteNothing() {
        final long end = NativeCpu.SCRATCH_BYTES;
        state.r[3] = scratch + end - 8;
        guest.scratch().set(ValueLayout.JAVA_LONG, end - 8, 42);
        cpu.xmm[0] = -1;
        cpu.xmm[1] = -1;
        assertEquals(Vector.PF, vector("0f1103")); // movups [rbx], xmm0
        assertEquals(scratch + end, state.faultAddress);
        assertEquals(42, guest.scratch().get(ValueLayout.JAVA_LONG, end - 8));
        assertEquals(Vector.GP, vector("0f2903")); // movaps: alignment goes first
        // Within memory, across a page.
        state.r[3] = scratch + 4096 - 5;
        assertEquals(-1, vector("0f1103"));
        assertEquals(-1, guest.scratch().get(ValueLayout.JAVA_LONG_UNALIGNED, 4096 - 5 + 8));
        // maskmovdqu: only what is chosen faults.
        state.r[7] = scratch + end - 8;
        cpu.xmm[2] = 0x80;
        cpu.xmm[3] = 0;
        assertEquals(-1, vector("660ff7c1"));
        assertEquals(0xff, guest.scratch().get(ValueLayout.JAVA_BYTE, end - 8) & 0xff);
        cpu.xmm[3] = 0x80;
        guest.scratch().set(ValueLayout.JAVA_LONG, end - 8, 42);
        assertEquals(Vector.PF, vector("660ff7c1"));
        assertEquals(42, guest.scratch().get(ValueLayout.JAVA_LONG, end - 8));
    }

    @Test
    void stepsAllocateNothing() {
        final List<Step[]> all = new ArrayList<>();
        for (final String hex : List.of(
                "0f2803",
                "0f1103",
                "660fefc1",
                "660f74c1",
                "660fd7c0",
                "660f70c11b",
                "f20f58c1",
                "f20f5ec1",
                "0f59c1",
                "f20f51c1",
                "f20f2ac0",
                "f2480f2cc0",
                "f30f5ac1",
                "660f3a63c10c",
                "660f3a40c1ff",
                "0ffcc1",
                "660f3a0bc101",
                "660f2ec1",
                "0f53c1",
                "660f3800c1",
                "660f73d804")) {
            final byte[] code = HexFormat.of().parseHex(hex);
            all.add(guest.build(code, code.length));
        }
        cpu.xmm[0] = Double.doubleToRawLongBits(1.25);
        cpu.xmm[2] = Double.doubleToRawLongBits(3);
        state.r[3] = scratch;
        Allocations.assertNoneIn("SIMD steps", () -> {
            for (int round = 0; round < 2000; round++) {
                for (int i = 0; i < all.size(); i++) {
                    guest.run(all.get(i), 4, layout.slotAddress(), state);
                }
            }
        });
    }
}
