package io.jvmm.vcpu.x86.interp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.ResetState;
import io.jvmm.vcpu.x86.mmu.DeviceSpace;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Mmu;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * One processor writes code that another has just decoded, while it has had no occasion to learn that the page holds code now (SDM 3A
 * 8.1.3). Both run on this thread: what the writer writes to a port runs the other, in the middle of the writer's block.
 */
final class CrossModifyingCodeTest implements DeviceSpace {
    private static final int RAM_BYTES = 4 << 20;
    private static final int CODE = 0x10_0000;
    private static final int TARGET = 0x10_8000;
    private static final int WRITER = 0x11_0000;
    private static final int FIRST = 1;
    private static final int SECOND = 2;
    private static final int THIRD = 3;
    private static final int REWRITES = 100;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

    private final MemorySegment ram = Arena.ofAuto().allocate(RAM_BYTES, 4096);
    private final PhysicalMemory memory = new PhysicalMemory();
    private final CodeCache cache;
    private final Cpu writer;
    private final Cpu reader;
    private final Executor writing;
    private final Executor reading;

    CrossModifyingCodeTest() {
        memory.map(0, 0, RAM_BYTES, ram, false);
        ram.set(LONG, 0x1000, 0x2003);
        ram.set(LONG, 0x2000, 0x83);
        ram.set(LONG, 0x500 + 0x10, 0x00af_9b00_0000_ffffL);
        ram.set(LONG, 0x500 + 0x18, 0x00cf_9300_0000_ffffL);
        cache = new CodeCache(
                memory, List.of(new IntegerFactory(), new SystemFactory()), TranslationQueue.NONE, 1 << 30, 16 << 20);
        writer = processor(0, WRITER);
        reader = processor(1, CODE);
        writing = new Executor(writer, cache);
        reading = new Executor(reader, cache);
        // mov eax,1; hlt
        code(TARGET, "b801000000 f4");
        // Gets its permission to write to the page; the other decodes it; mov byte [target + 1],2; the other runs it
        // once more; hlt
        code(WRITER, "c60425 01801000 01" + " e601" + "c60425 01801000 02" + "e602 f4");
    }

    private Cpu processor(int index, int rip) {
        final GuestException exception = new GuestException();
        final SystemRig.TestInterrupts interrupts = new SystemRig.TestInterrupts();
        final Cpu cpu =
                new Cpu(index, new Mmu(memory, this, exception, cache), this, interrupts, System::nanoTime, exception);
        ResetState.long64(cpu, rip, 0x1000, 0x500, 0x27);
        cpu.r[Cpu.RSP] = 0x20_0000 + 0x1_0000L * index;
        return cpu;
    }

    private void code(int at, String hex) {
        final byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
        MemorySegment.copy(bytes, 0, ram, ValueLayout.JAVA_BYTE, at, bytes.length);
    }

    private void read(int rip) {
        reader.rip = rip;
        reader.halted = false;
        for (int i = 0; i < 10 && !reader.halted; i++) {
            reader.clearAttention();
            reading.run(1_000);
        }
        assertTrue(reader.halted);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                // cpuid, mfence, wbinvd, invlpg [rax]
                "31c0 0fa2",
                "0faef0",
                "0f09",
                "0f0138",
                // mov rax,cr3; mov cr3,rax
                "0f20d8 0f22d8",
                // mov rax,dr7; mov dr7,rax
                "0f21f8 0f23f8",
                // sub rsp,16; sidt [rsp]; lidt [rsp]
                "4883ec10 0f010c24 0f011c24",
                // mov ecx,c0000102; rdmsr; wrmsr
                "b9020100c0 0f32 0f30",
                // mov eax,ss; mov rcx,rsp; push rax, rcx, flags, cs, behind; iretq
                "8cd0 4889e1 50 51 9c 8cc8 50 488d0503000000 50 48cf"
            })
    void behindASerializingInstructionTheStoreIsSeen(String serializing) {
        final int length = serializing.replace(" ", "").length() / 2;
        code(CODE, serializing + "e9" + HexFormat.of().toHexDigits(Integer.reverseBytes(TARGET - CODE - length - 5)));
        writing.run(1_000);
        assertTrue(writer.halted, () -> Long.toHexString(writer.rip));
        assertEquals(2, reader.r[Cpu.RAX]);
    }

    @Test
    void theWriterComparesWhenItGivesUpItsPermission() {
        code(CODE, "e9" + HexFormat.of().toHexDigits(Integer.reverseBytes(TARGET - CODE - 5)));
        writing.run(1_000);
        writer.halted = false;
        code(WRITER, "f4");
        writing.run(1_000);
        read(CODE);
        assertEquals(2, reader.r[Cpu.RAX]);
    }

    @Test
    void pagesThatAreGivenUpDoNotWaitForASerializingInstruction() {
        // out 3,al; hlt; the other writes its code before it runs it, again and again: mov byte [target + 1],1; jmp
        // target
        code(WRITER, "e603 f4");
        code(CODE, "c60425 01801000 01" + "e9" + HexFormat.of().toHexDigits(Integer.reverseBytes(TARGET - CODE - 13)));
        writing.run(1_000);
        assertTrue(writer.halted);
        assertTrue(cache.invalidatedPages() >= REWRITES - 1, () -> cache.invalidatedPages() + " pages");
        assertTrue(cache.unsettledPages() <= 2, () -> cache.unsettledPages() + " pages");
    }

    @Override
    public void out(int port, int widthBytes, int value) {
        switch (port) {
            case FIRST -> {
                read(TARGET);
                assertEquals(1, reader.r[Cpu.RAX]);
            }
            case SECOND -> read(CODE);
            case THIRD -> {
                for (int i = 0; i < REWRITES; i++) {
                    read(CODE);
                }
            }
            default -> throw new AssertionError(port);
        }
    }

    @Override
    public int in(int port, int widthBytes) {
        throw new AssertionError();
    }

    @Override
    public long readMemory(long guestPhysicalAddress, int widthBytes) {
        throw new AssertionError();
    }

    @Override
    public void writeMemory(long guestPhysicalAddress, int widthBytes, long value) {
        throw new AssertionError();
    }
}
