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

    /**
     * It answered each of many accesses in time, but took too long for all of them: from now on it is to take no time at all. What
     * lives on the board itself takes none anyhow.
     */
    default void giveUp(long waitedNs) {}
}
