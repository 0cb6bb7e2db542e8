package io.jvmm.vcpu.x86.interp;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.Allocations;
import io.jvmm.vcpu.x86.cpu.ControlRegisters;
import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.ResetState;
import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.mmu.DeviceExit;
import io.jvmm.vcpu.x86.mmu.DeviceSpace;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Mmu;
import io.jvmm.vcpu.x86.mmu.PhysicalMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The loop over small guest programs in long mode: blocks, faults, device exits, interrupts, and code that changes under it. */
final class ExecutorTest implements DeviceSpace {
    private static final int RAM_BYTES = 4 << 20;
    private static final long CODE = 0x10_0000;
    private static final long STACK = 0x20_0000;
    /** Interrupt descriptors; every handler is a HLT at {@link #HANDLERS} + 16 * vector. */
    private static final long IDT = 0x3000;

    private static final long HANDLERS = 0x8000;
    private static final int SELECTOR = 0x10;
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;

    private final MemorySegment ram = Arena.ofAuto().allocate(RAM_BYTES, 4096);
    private final PhysicalMemory memory = new PhysicalMemory();
    private final List<Block> offered = new ArrayList<>();
    private final CodeCache cache = cache(16 << 20);
    private final SystemRig.TestInterrupts interrupts = new SystemRig.TestInterrupts();
    private final DeviceExit exit = new DeviceExit();
    private boolean answered;
    /** How many writes are answered in one go, and those that were. */
    private int granted;

    private final List<Long> pushed = new ArrayList<>();
    private final Cpu cpu = processor(0);
    private final Executor executor = new Executor(cpu, cache);

    ExecutorTest() {
        ram.set(LONG, 0x1000, 0x2003);
        ram.set(LONG, 0x2000, 0x83);
        ram.set(LONG, 0x500 + SELECTOR, 0x00af_9b00_0000_ffffL);
        ram.set(LONG, 0x500 + SELECTOR + 8, 0x00cf_9300_0000_ffffL);
        for (int v = 0; v < 64; v++) {
            final long handler = HANDLERS + 16L * v;
            ram.set(
                    LONG,
                    IDT + 16L * v,
                    (handler & 0xffff) | SELECTOR << 16 | 0x8e00_0000_0000L | (handler >>> 16) << 48);
            ram.set(ValueLayout.JAVA_BYTE, handler, (byte) 0xf4);
        }
        start(cpu);
    }

    private CodeCache cache(long limit) {
        memory.map(0, 0, RAM_BYTES, ram, false);
        return new CodeCache(memory, List.of(new IntegerFactory(), new SystemFactory()), offered::add, 100, limit);
    }

    private Cpu processor(int index) {
        final GuestException exception = new GuestException();
        return new Cpu(index, new Mmu(memory, this, exception, cache), this, interrupts, System::nanoTime, exception);
    }

    private static void start(Cpu cpu) {
        ResetState.long64(cpu, CODE, 0x1000, 0x500, 0x27);
        cpu.idtBase = IDT;
        cpu.idtLimit = 0xfff;
        cpu.r[Cpu.RSP] = STACK;
    }

    private void code(long at, String hex) {
        final byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
        MemorySegment.copy(bytes, 0, ram, ValueLayout.JAVA_BYTE, at, bytes.length);
    }

    private void runToHalt() {
        for (int i = 0; i < 1_000; i++) {
            final Executor.Stop stop = executor.run(1_000);
            if (stop == Executor.Stop.HALTED) {
                return;
            }
            if (stop == Executor.Stop.ATTENTION) {
                cpu.clearAttention();
                continue;
            }
            assertEquals(Executor.Stop.BUDGET, stop, () -> "at " + Long.toHexString(cpu.rip));
        }
        throw new AssertionError("still running at " + Long.toHexString(cpu.rip));
    }

    /** RIP that the handler of the vector, which has halted, would return to. */
    private long faultRip(int vector) {
        assertEquals(HANDLERS + 16L * vector + 1, cpu.rip, "handler of " + vector);
        final boolean hasCode = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17;
        return ram.get(LONG, cpu.r[Cpu.RSP] + (hasCode ? 8 : 0));
    }

    @Test
    void countsInstructionsAndKeepsTheBudget() {
        code(CODE, "48ffc0 ebfb");
        assertEquals(Executor.Stop.BUDGET, executor.run(100_000));
        assertTrue(cpu.retired >= 100_000 && cpu.retired < 100_000 + BlockBuilder.MAX_INSTRUCTIONS, "" + cpu.retired);
        assertEquals(cpu.retired / 2, cpu.r[Cpu.RAX]);
        assertEquals(1, offered.size(), "offered once");
        assertEquals(2, offered.getFirst().insns().length);
    }

    @Test
    void longBlocksAreCut() {
        code(CODE, "48ffc0".repeat(200) + "f4");
        runToHalt();
        assertEquals(200, cpu.r[Cpu.RAX]);
        assertEquals(201, cpu.retired);
        assertEquals(201 / BlockBuilder.MAX_INSTRUCTIONS + 1, cache.builtBlocks());
    }

    @Test
    void aFaultInTheMiddleIsPrecise() {
        // inc rax; inc rax; mov rcx,[0x40000000] (not present); inc rax
        code(CODE, "48ffc0 48ffc0 488b0c2500000040 48ffc0");
        runToHalt();
        assertEquals(CODE + 6, faultRip(14));
        assertEquals(0x4000_0000L, cpu.cr2);
        assertEquals(2, cpu.r[Cpu.RAX]);
        assertEquals(3, cpu.retired, "two, and the handler's");
    }

    @Test
    void aBadStackAddressIsAStackFault() {
        code(CODE, "48ffc0 488b0424");
        cpu.r[Cpu.RSP] = 1L << 62;
        // The handler needs a stack: the gate's own, of the TSS.
        ram.set(LONG, IDT + 16 * 12, ram.get(LONG, IDT + 16 * 12) | 1L << 32);
        cpu.segments[Segment.TR].set(0x18, 0x6000, 0x67, 0x8b);
        ram.set(LONG, 0x6000 + 36, STACK);
        runToHalt();
        assertEquals(CODE + 3, faultRip(12));
        assertEquals(0, ram.get(LONG, cpu.r[Cpu.RSP]), "error code");
    }

    @Test
    void undefinedInstructions() {
        code(CODE, "48ffc0 0f0b");
        runToHalt();
        assertEquals(CODE + 3, faultRip(6));
    }

    @Test
    void aJumpToNowhere() {
        code(CODE, "48b80000004000000000 ffe0");
        runToHalt();
        assertEquals(0x4000_0000L, faultRip(14));
        assertEquals(0x4000_0000L, cpu.cr2);
    }

    @Test
    void deviceExitsRestartTheInstruction() {
        // inc rbx; mov rax,[0x800000], where there is no RAM; inc rbx; hlt
        code(CODE, "48ffc3 488b042500008000 48ffc3 f4");
        assertEquals(Executor.Stop.DEVICE, executor.run(1_000));
        assertEquals(CODE + 3, cpu.rip);
        assertEquals(1, cpu.r[Cpu.RBX]);
        assertEquals(1, cpu.retired);
        cpu.requestAttention();
        answered = true;
        assertEquals(Executor.Stop.BUDGET, executor.runInstruction(), "whatever attention is wanted");
        assertEquals(77, cpu.r[Cpu.RAX]);
        assertEquals(CODE + 11, cpu.rip);
        assertEquals(Executor.Stop.ATTENTION, executor.run(1_000));
        cpu.clearAttention();
        runToHalt();
        assertEquals(2, cpu.r[Cpu.RBX]);
    }

    @Test
    void interruptsWaitForTheShadowOfSti() {
        interrupts.pending = 40;
        // sti; inc rax; inc rax; hlt
        code(CODE, "fb 48ffc0 48ffc0 f4");
        runToHalt();
        assertEquals(CODE + 4, faultRip(40));
        assertEquals(1, cpu.r[Cpu.RAX]);
    }

    @Test
    void interruptsAreTakenBetweenStiAndCli() {
        interrupts.pending = 40;
        // inc rax; sti; inc rax; cli; inc rax; hlt
        code(CODE, "48ffc0 fb 48ffc0 fa 48ffc0 f4");
        runToHalt();
        assertEquals(CODE + 7, faultRip(40));
        assertEquals(2, cpu.r[Cpu.RAX]);
    }

    @Test
    void stiAtTheEndOfAPageHoldsInterruptsOff() {
        // sti; inc rax; inc rax; hlt
        final long at = CODE + 0xfff;
        code(at, "fb 48ffc0 48ffc0 f4");
        cpu.rip = at;
        interrupts.pending = 40;
        runToHalt();
        assertEquals(at + 4, faultRip(40));
        assertEquals(1, cpu.r[Cpu.RAX]);
    }

    @Test
    void anInterruptWakesFromHlt() {
        code(CODE, "fb f4 48ffc0 f4");
        runToHalt();
        assertEquals(CODE + 2, cpu.rip);
        interrupts.pending = 41;
        runToHalt();
        assertEquals(CODE + 2, faultRip(41));
    }

    @Test
    void singleStep() {
        // Each #DB comes to the HLT of vector 1.
        code(CODE, "48ffc0 48ffc0 f4");
        cpu.otherFlags |= Flags.TF;
        ControlRegisters.updateMode(cpu);
        runToHalt();
        assertEquals(CODE + 3, faultRip(1));
        assertEquals(1, cpu.r[Cpu.RAX]);
    }

    @Test
    void anInstructionAcrossPages() {
        // mov eax,imm32 with two bytes in the second page; then it changes.
        code(CODE + 0xffd, "b811 22 3344 ebf9");
        cpu.rip = CODE + 0xffd;
        code(CODE + 0x1002, "f4");
        runToHalt();
        assertEquals(0x4433_2211, cpu.r[Cpu.RAX]);
        for (final long next : new long[] {0x5566, 0x7788}) {
            cpu.mmu.write16(CODE + 0x1000, (int) next);
            cpu.rip = CODE + 0xffd;
            cpu.halted = false;
            runToHalt();
            assertEquals(next << 16 | 0x2211, cpu.r[Cpu.RAX]);
        }
    }

    @Test
    void codeThatChangesItselfAhead() {
        // mov byte [rip+5],0xc3 -> turns "inc rax" (48 ff c0) into "inc rbx" (48 ff c3); in the same block
        code(CODE, "c60502000000c3 48ffc0 f4");
        runToHalt();
        assertEquals(0, cpu.r[Cpu.RAX]);
        assertEquals(1, cpu.r[Cpu.RBX]);
        assertEquals(3, cpu.retired);
    }

    @Test
    void codeThatChangesAgainAndAgain() {
        // L: inc byte [rip-imm] of "add eax,imm8" : add eax,0 ; inc byte [its imm]; dec ecx; jnz L; hlt
        code(CODE, "83c000 fe05f9ffffff ffc9 75f3 f4");
        cpu.r[Cpu.RCX] = 100;
        runToHalt();
        assertEquals(99 * 100 / 2, cpu.r[Cpu.RAX]);
    }

    @Test
    void dataBesideCodeIsNoLongerSlowAfterAWhile() {
        // mov [rip+0x100],eax; inc eax; jmp back: a store to the page of the code
        code(CODE, "890500010000 ffc0 ebf6");
        executor.run(100_000);
        assertTrue(cache.invalidatedPages() > 0);
        assertEquals((int) cpu.r[Cpu.RAX] - 1, ram.get(ValueLayout.JAVA_INT_UNALIGNED, CODE + 0x106), 1);
    }

    @Test
    void changesByDmaAreSeenAtTheNextFlush() {
        code(CODE, "b801000000 f4");
        runToHalt();
        code(CODE, "b802000000 f4");
        cpu.rip = CODE;
        cpu.halted = false;
        cpu.mmu.flushAll();
        runToHalt();
        assertEquals(2, cpu.r[Cpu.RAX]);
    }

    @Test
    void anotherProcessorsStoresAreSeen() {
        final Cpu second = processor(1);
        final Executor other = new Executor(second, cache);
        start(second);
        second.rip = CODE + 0x4000;
        // The second one has the page in its TLB for writing before the first decodes it.
        second.mmu.write8(CODE + 0x800, 0);
        code(CODE, "b801000000 f4");
        runToHalt();
        assertTrue(second.attention());
        second.mmu.write8(CODE + 1, 2);
        second.clearAttention();
        code(CODE + 0x4000, "f4");
        other.run(10);
        cpu.rip = CODE;
        cpu.halted = false;
        runToHalt();
        assertEquals(2, cpu.r[Cpu.RAX], "seen when the permission was given up");
        second.mmu.write8(CODE + 1, 3);
        cpu.rip = CODE;
        cpu.halted = false;
        runToHalt();
        assertEquals(3, cpu.r[Cpu.RAX], "seen at once");
    }

    /** Stores to where code was: slow while it is code, and fast again when it has been given up. */
    @Test
    void aPageThatLostItsCodeMayBeWrittenUnseenAgain() {
        final long data = CODE + 0x4000;
        code(data, "f4");
        cpu.rip = data;
        runToHalt();
        cpu.mmu.write8(data + 0x800, 0);
        assertEquals(0, cpu.mmu.hostForWrite(data + 0x800, 8), "every store is seen");
        for (int i = 0; i <= 256; i++) {
            cpu.mmu.write8(data + 0x800, i);
        }
        assertEquals(1, cache.invalidatedPages());
        cpu.mmu.write8(data + 0x800, 1);
        assertTrue(cpu.mmu.hostForWrite(data + 0x800, 8) != 0);
        code(data, "b003 f4");
        cpu.rip = data;
        cpu.halted = false;
        runToHalt();
        assertEquals(3, cpu.r[Cpu.RAX] & 0xff);
        assertEquals(0, cpu.mmu.hostForWrite(data + 0x800, 8), "code again");
    }

    /** The frame of an interrupt goes to device memory: an exit for each push, and the interrupt is taken once. */
    @Test
    void anInterruptFrameInDeviceMemory() {
        code(CODE, "90 ebfd");
        cpu.r[Cpu.RSP] = 0x2000_0000;
        cpu.otherFlags |= Flags.IF;
        interrupts.pending = 0x30;
        Executor.Stop stop = executor.run(100);
        int exits = 0;
        while (stop == Executor.Stop.DEVICE) {
            assertEquals(0x30, cpu.undelivered);
            assertEquals(CODE, cpu.rip);
            interrupts.pending = 0x31;
            granted = ++exits;
            pushed.clear();
            stop = executor.runInstruction();
        }
        assertEquals(5, exits, "SS, RSP, RFLAGS, CS, RIP");
        assertEquals(List.of(0x18L, 0x2000_0000L, (long) (Flags.IF | 2), 0x10L, CODE), pushed);
        assertEquals(HANDLERS + 16 * 0x30, cpu.rip);
        assertEquals(-1, cpu.undelivered);
        assertEquals(0x31, interrupts.pending, "the next one has not been taken");
    }

    @Test
    void theCacheIsBounded() {
        final CodeCache small = cache(64 << 10);
        final Cpu one = new Cpu(
                0,
                new Mmu(memory, this, new GuestException(), small),
                this,
                interrupts,
                System::nanoTime,
                new GuestException());
        final Executor loop = new Executor(one, small);
        start(one);
        // Sixty pages, each "inc rax; jmp next page"; the last goes back.
        final int pages = 60;
        for (int i = 0; i < pages; i++) {
            final int distance = i == pages - 1 ? -(pages - 1) * 4096 - 8 : 4096 - 8;
            code(CODE + 4096L * i, "48ffc0 e9" + HexFormat.of().toHexDigits(Integer.reverseBytes(distance)));
        }
        loop.run(10_000);
        assertEquals(one.retired / 2, one.r[Cpu.RAX]);
        assertTrue(small.evictedPages() > 100, "" + small.evictedPages());
        assertTrue(small.heapBytes() <= 64 << 10, "" + small.heapBytes());
        small.clear();
        assertEquals(0, small.heapBytes());
        assertEquals(0, small.pageCount());
    }

    @Test
    void whatTheCacheTakesIsCountedDownForInstructionsAcrossPagesToo() {
        // mov byte [CODE + 1000],0; jmp CODE + ffe; there, its last bytes changed each time: mov eax,1; jmp CODE
        code(CODE, "c60425 00101000 00 e9 f10f0000");
        code(CODE + 0xffe, "b801000000 e9 f8efffff");
        executor.run(3_000);
        assertEquals(1, cpu.r[Cpu.RAX]);
        assertTrue(cache.builtBlocks() > 500, "" + cache.builtBlocks());
        cache.clear();
        assertEquals(0, cache.heapBytes());
    }

    @Test
    void steadyStateAllocatesNothing() {
        // call, store, fault-free string copy, interrupt-free: mov [rsi],rax; call f; inc rax; jmp back; f: ret
        code(CODE, "488906 e805000000 48ffc0 ebf3 c3");
        cpu.r[Cpu.RSI] = 0x18_0000;
        Allocations.assertNoneIn("the loop", () -> executor.run(200_000));
    }

    @Override
    public long readMemory(long guestPhysicalAddress, int widthBytes) {
        if (!answered) {
            throw exit;
        }
        return 77;
    }

    @Override
    public void writeMemory(long guestPhysicalAddress, int widthBytes, long value) {
        if (pushed.size() == granted) {
            throw exit;
        }
        pushed.add(value);
    }

    @Override
    public int in(int port, int widthBytes) {
        throw exit;
    }

    @Override
    public void out(int port, int widthBytes, int value) {
        throw exit;
    }
}
