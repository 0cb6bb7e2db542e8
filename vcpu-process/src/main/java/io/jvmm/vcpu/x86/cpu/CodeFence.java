package io.jvmm.vcpu.x86.cpu;

/**
 * What follows a serializing instruction is to be executed as memory holds it now, whichever processor has written it (SDM 3A 8.1.3).
 * Called by {@link Cpu#serialize()} on the vCPU's thread; throws nothing.
 */
@FunctionalInterface
public interface CodeFence {
    /** For a processor alone, which sees its own stores to code. */
    CodeFence NONE = () -> {};

    /** Drops decoded code that is out of date. */
    void serialize();
}
