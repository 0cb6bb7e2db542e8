package io.jvmm.vcpu.x86.interp;

/** Where blocks go that are worth translating. */
@FunctionalInterface
public interface TranslationQueue {
    /** Takes no block. */
    TranslationQueue NONE = hot -> {};

    /** A block has been entered as often as the threshold says; called once a block, by a vCPU's thread. Never blocks. */
    void offer(Block hot);
}
