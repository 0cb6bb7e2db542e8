package io.jvmm.vcpu.x86.mmu;

/** Data breakpoints as the {@link Mmu} sees them (SDM 3B 18.2.4). Called on the vCPU's thread. */
public interface AccessWatch {
    /** Whether an address is watched in the page that contains this one: accesses to such a page are reported. */
    boolean isPageWatched(long linear);

    /** Bytes of a watched page have been accessed. The access has been done; nothing may be thrown. */
    void accessed(long linear, int lengthBytes, boolean write);
}
