package io.jvmm.vcpu.x86.cpu;

/**
 * One guest instruction (or a fused pair), decoded, with its operands bound: what the interpreter tier runs and what
 * the translator calls for instructions that it does not emit itself. Immutable, shared by all vCPUs.
 *
 * <p>{@link #run} either completes the instruction or throws ({@code GuestException}, {@code DeviceExit}) having
 * changed no register, so that it can be run again from the start; string instructions with a repeat prefix commit
 * after each item. It allocates nothing.
 *
 * <p>RIP: a step that does not transfer control leaves {@code cpu.rip} alone: the executor knows where each step begins
 * and sets it when it is needed. While a step runs, {@code cpu.blockRip} is the RIP of the block's first instruction; a
 * step that needs its own or the next RIP adds the constant it was built with. A step that transfers control sets
 * {@code cpu.rip} and is the last of its block.
 */
public abstract class Step {
    /** Executes the instruction on {@code cpu}. */
    public abstract void run(Cpu cpu);
}
