package io.jvmm.vcpu.x86.interp;

/** One guest-physical page of which code has been decoded. */
public final class CodePage {
    static final int BYTES = 4096;

    /** Guest-physical address, page-aligned. */
    public final long address;

    CodePage(long address) {
        this.address = address;
    }
}
