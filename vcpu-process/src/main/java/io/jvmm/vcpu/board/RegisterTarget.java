package io.jvmm.vcpu.board;

/**
 * What stands behind a window of the address map: registers, named by region and offset. Called by vCPU threads, each with
 * its own index; answers in bounded time and allocates nothing.
 */
public interface RegisterTarget {
    /** Value of a register, zero-extended; all ones when nobody answers. */
    long read(int vcpuIndex, int region, int offset, int widthBytes);

    /** Posted. Only the low {@code widthBytes} of {@code value} count. */
    void write(int vcpuIndex, int region, int offset, int widthBytes, long value);
}
