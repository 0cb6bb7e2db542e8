package io.jvmm.vcpu.x86;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.InterruptUnit;
import io.jvmm.vcpu.x86.cpu.ResetState;
import io.jvmm.vcpu.x86.interp.CodeCache;
import io.jvmm.vcpu.x86.interp.Executor;
import io.jvmm.vcpu.x86.interp.SystemRig;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Mmu;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;
import io.jvmm.vcpu.x86.translate.ImmediateTranslation;
import io.jvmm.vcpu.x86.translate.TranslatorOptions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/**
 * A translated loop of repeated string instructions uses up its budget as other code does: between two looks at what others want (a kick, an
 * interrupt) lies a bounded number of items, however long the repetition is.
 */
final class RepeatLatencyTest implements InterruptUnit {
    private static final int RAM_BYTES = 4 << 20;
    private static final int CODE = 0x1_0000;
    private static final int DESTINATION = 0x10_0000;
    private static final int ITEMS = 0x20_0000;
    private static final int BUDGET = 2_000;
    /** Eight items are charged as an instruction; one execution of the instruction does at most 4,096. */
    private static final long MOST_ITEMS = 8 * BUDGET + 2 * 4_096;

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

    private final MemorySegment ram = Arena.ofAuto().allocate(RAM_BYTES, 4096);
    private final Cpu cpu;
    private final Executor executor;
    private final ImmediateTranslation queue = new ImmediateTranslation(TranslatorOptions.DEFAULT);
    private long atLastLook;
    private long atLastTimers;
    private long mostBetweenLooks;
    private long mostBetweenTimers;

    RepeatLatencyTest() {
        ram.set(LONG, 0x1000, 0x2003);
        ram.set(LONG, 0x2000, 0x83);
        final PhysicalMemory memory = new PhysicalMemory();
        memory.map(0, 0, RAM_BYTES, ram, false);
        final CodeCache cache = new CodeCache(memory, X86Engine.factories(), queue, 3, 16 << 20);
        queue.attach(cache);
        final GuestException exception = new GuestException();
        final SystemRig.TestDevices devices = new SystemRig.TestDevices();
        cpu = new Cpu(0, new Mmu(memory, devices, exception, cache), devices, this, () -> 0, exception);
        executor = new Executor(cpu, cache);
        ResetState.long64(cpu, CODE, 0x1000, 0x500, 0x27);
    }

    @Test
    void itemsBetweenTwoLooksAreBounded() {
        // again: inc rbx; mov edi,100000; mov ecx,200000; rep stosb; jmp again
        final byte[] code = HexFormat.of().parseHex("48ffc3bf00001000b900002000f3aaebef");
        MemorySegment.copy(code, 0, ram, ValueLayout.JAVA_BYTE, CODE, code.length);
        for (int i = 0; i < 50; i++) {
            executor.run(BUDGET);
        }
        assertTrue(cpu.r[Cpu.RBX] > 10, "it went on");
        assertFalse(queue.toString().startsWith("0 regions"), queue::toString);
        assertTrue(mostBetweenLooks <= MOST_ITEMS, () -> mostBetweenLooks + " items until an NMI");
        assertTrue(mostBetweenTimers <= 2 * MOST_ITEMS, () -> mostBetweenTimers + " items until a timer");
    }

    /** Bytes stored so far; at the beginning of a repetition RDI still holds the end of the one before. */
    private long items() {
        final long within = cpu.r[Cpu.RDI] - DESTINATION;
        return (cpu.r[Cpu.RBX] - 1) * ITEMS + (cpu.rip - CODE < 8 ? 0 : within);
    }

    /** Asked whenever the executor looks. */
    @Override
    public boolean takeNmi() {
        if (cpu.r[Cpu.RBX] > 0) {
            mostBetweenLooks = Math.max(mostBetweenLooks, items() - atLastLook);
            atLastLook = items();
        }
        return false;
    }

    /** Asked when timers are looked at. */
    @Override
    public long nextDeadlineNs() {
        if (cpu.r[Cpu.RBX] > 0) {
            mostBetweenTimers = Math.max(mostBetweenTimers, items() - atLastTimers);
            atLastTimers = items();
        }
        return Long.MAX_VALUE;
    }

    @Override
    public boolean isInterruptPending() {
        return false;
    }

    @Override
    public int acknowledge() {
        return -1;
    }

    @Override
    public int taskPriority() {
        return 0;
    }

    @Override
    public void setTaskPriority(int priority) {}

    @Override
    public long readMsr(int number) {
        return 0;
    }

    @Override
    public void writeMsr(int number, long value) {}

    @Override
    public void tick(long nowNs) {}
}
