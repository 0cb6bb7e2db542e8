package io.jvmm.vcpu.x86.mmu;

/**
 * What remembers the results of {@link Mmu#translateFetch}: an instruction TLB, kept by who executes. The {@link Mmu} tells it
 * what to forget, with the same meaning as its own methods of these names.
 */
public interface FetchCache {
    /** Forgets all. */
    void flushAll();

    /** Forgets all but global pages. */
    void flushNonGlobal();

    /** Forgets the page of this address, of whatever size. */
    void flushPage(long linear);
}
