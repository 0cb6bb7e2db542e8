package io.jvmm.vcpu.x86.cpu;

/**
 * What follows a serializing instruction (SDM 3A 8.3, APM 2 7.6.4) is to be executed as memory holds it now, whichever processor has
 * written it (SDM 3A 8.1.3). Called by such an instruction when all else of it is done, on the vCPU's thread; throws nothing. Stores
 * and loads need no care: they are in order already.
 */
@FunctionalInterface
public interface CodeFence {
    /** For a processor alone, which sees its own stores to code. */
    CodeFence NONE = () -> {};

    /** Drops decoded code that is out of date. */
    void serialize();
}
