package io.jvmm.vcpu.x86.interp;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.ResetState;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.HexFormat;

/**
 * Instructions per second of the interpreter tier on small guest loops in long mode: {@code LoopBenchmark [seconds a loop]}. For people; run
 * it with the flags of the vCPU's launch file, and trust ratios of interleaved runs only.
 */
final class LoopBenchmark {
    private static final long CODE = 0x10_0000;
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    private enum Loop {
        /** add rax,rcx; xor rbx,rax; lea rdx,[rbx+rcx*2]; dec rcx; jnz. */
        ARITHMETIC("4801c8 4831c3 488d144b 48ffc9 75f1 ebef"),
        /** Five blocks of two instructions: inc r8; jmp +0 ... jmp back. */
        JUMPS("49ffc0eb00 49ffc0eb00 49ffc0eb00 49ffc0eb00 49ffc0ebe7"),
        /** mov rax,[rsi+rcx*8]; add rax,1; mov [rdi+rcx*8],rax; inc cl; jmp: every instruction but one of memory or address. */
        MEMORY("488b04ce 4883c001 488904cf fec1 ebf0"),
        /** call f; jmp back. f: push rbx; mov rbx,rax; pop rbx; ret. */
        CALLS("e802000000 ebf9 53 4889c3 5b c3"),
        /** A conditional jump that goes either way: inc rcx; test cl,1; jz +3; add rax,rcx; jmp back. */
        ALTERNATING("48ffc1 f6c101 7403 4801c8 ebf3"),
        /** inc r8; jmp to the next page; there inc r8; jmp back. */
        PAGES("49ffc0 e9f80f0000" + "90".repeat(4088) + "49ffc0 e9f8efffff");

        private final String hex;

        Loop(String hex) {
            this.hex = hex;
        }

        byte[] bytes() {
            return HexFormat.of().parseHex(hex.replace(" ", ""));
        }
    }

    private LoopBenchmark() {}

    public static void main(String[] args) {
        final double seconds = args.length > 0 ? Double.parseDouble(args[0]) : 2;
        for (int round = 0; round < 3; round++) {
            for (final Loop loop : Loop.values()) {
                System.out.printf("%-11s %7.1f MIPS%n", loop, measure(loop, seconds));
            }
        }
    }

    private static double measure(Loop loop, double seconds) {
        final SystemRig rig = new SystemRig();
        longMode(rig, CODE);
        final byte[] code = loop.bytes();
        MemorySegment.copy(code, 0, rig.ram, ValueLayout.JAVA_BYTE, CODE, code.length);
        rig.cpu.r[Cpu.RSP] = 0x20_0000;
        rig.cpu.r[Cpu.RSI] = 0x30_0000;
        rig.cpu.r[Cpu.RDI] = 0x31_0000;
        rig.executor.run(2_000_000);
        final long before = rig.cpu.retired;
        // Of this thread's time on a processor, not of the clock's: the machine is shared.
        final long start = THREADS.getCurrentThreadCpuTime();
        while (THREADS.getCurrentThreadCpuTime() - start < seconds * 1e9) {
            rig.executor.run(1_000_000);
        }
        return (rig.cpu.retired - before) * 1e3 / (THREADS.getCurrentThreadCpuTime() - start);
    }

    /** Long mode at {@code rip}, the first GiB mapped one to one. */
    static void longMode(SystemRig rig, long rip) {
        rig.ram.set(ValueLayout.JAVA_LONG, 0x1000, 0x2003);
        rig.ram.set(ValueLayout.JAVA_LONG, 0x2000, 0x83);
        ResetState.long64(rig.cpu, rip, 0x1000, 0, 0);
    }
}
