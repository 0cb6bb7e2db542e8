package io.jvmm.vcpu.x86.mmu;

/** Told of stores to pages whose code has been decoded. Called on the storing vCPU's thread, after the store. */
@FunctionalInterface
public interface CodeWriteListener {
    /** {@code lengthBytes} bytes at this guest-physical address have changed; they do not cross a page. */
    void codeWritten(long guestPhysicalAddress, int lengthBytes);
}
