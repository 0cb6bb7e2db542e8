package io.jvmm.vcpu.x86.interp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.ResetState;
import io.jvmm.vcpu.x86.cpu.Segment;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** A guest that goes through all modes of the processor and back, checking on its way what it finds (modes.s). */
class ModesTest {
    private static final int ORIGIN = 0xa000;
    private static final int RESULTS = 0x9000;
    private static final int IDT_32 = 0x20_0000;
    private static final int IDT_64 = 0x20_1000;
    private static final int ALL = 0x3f_ffff;

    @Test
    void fromRealModeToLongModeAndBack() throws Exception {
        final SystemRig rig = new SystemRig();
        load(rig, "modes.s");
        rig.run(20_000);
        assertFalse(rig.cpu.shutdown, "shut down at " + Long.toHexString(rig.cpu.rip));
        assertEquals(
                Integer.toHexString(ALL),
                Integer.toHexString(rig.get32(RESULTS)),
                "at " + Long.toHexString(rig.cpu.rip));
    }

    @Test
    void theSameThroughTheExecutor() throws Exception {
        final SystemRig rig = new SystemRig();
        load(rig, "modes.s");
        assertEquals(Executor.Stop.HALTED, rig.executor.run(20_000));
        assertEquals(Integer.toHexString(ALL), Integer.toHexString(rig.get32(RESULTS)));
    }

    @Test
    void everyRegisterBeforeEveryInstructionIsQemus() throws Exception {
        follow("modes.s");
    }

    @Test
    void everyKindOfDescriptorInEveryInstructionThatTakesOne() throws Exception {
        follow("descriptors.s");
    }

    @Test
    void hardwareTaskSwitches() throws Exception {
        follow("tasks.s");
    }

    private static void follow(String guest) throws Exception {
        final SystemRig rig = new SystemRig();
        load(rig, guest);
        QemuTrace.of(rig, trace -> {
            // The first entry is the jump at the reset vector; ours begins behind it, as a processor out of reset.
            trace.next();
            trace.next();
            ResetState.reset(rig.cpu);
            rig.cpu.segments[Segment.CS].selector = 0;
            rig.cpu.segments[Segment.CS].base = 0;
            rig.cpu.rip = ORIGIN;
            rig.cpu.r[Cpu.RDX] = trace.value("EDX");
            System.out.println(guest + ": " + trace.follow(rig) + " instructions compared");
        });
    }

    static void load(SystemRig rig, String guest) throws Exception {
        final String source;
        try (var in = Objects.requireNonNull(ModesTest.class.getResourceAsStream(guest))) {
            source = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        final byte[] code = GuestAssembly.assemble(source, ORIGIN);
        rig.put(ORIGIN, code);
        final int end = ORIGIN + code.length;
        gates(rig, rig.get32(end - 8), IDT_32, 8, 0x08);
        gates(rig, rig.get32(end - 4), IDT_64, 16, 0x58);
        ResetState.real16(rig.cpu, 0, 0, ORIGIN);
    }

    /** A table of vector, offset, type; of a task gate (85) the second word is the selector. */
    private static void gates(SystemRig rig, int table, int idt, int size, int selector) {
        for (int at = table; rig.get32(at) >= 0; at += 12) {
            final long offset = rig.get32(at + 4);
            final long type = rig.get32(at + 8);
            final long access = size == 8 ? type << 8 : (type & 0xff00) | (type & 7);
            final boolean taskGate = type == 0x85;
            rig.put64(
                    idt + (long) rig.get32(at) * size,
                    taskGate
                            ? offset << 16 | type << 40
                            : (offset & 0xffff) | (long) selector << 16 | access << 32 | (offset & 0xffff_0000L) << 32);
        }
    }
}
