package io.jvmm.vcpu.board;

/** An address that a PC decodes and this board has nothing behind: reads are all ones, writes are dropped. */
public final class Unclaimed implements RegisterTarget {
    /** The only one. */
    public static final RegisterTarget REGISTERS = new Unclaimed();

    private Unclaimed() {}

    @Override
    public long read(int vcpuIndex, int region, int offset, int widthBytes) {
        return -1L >>> (64 - 8 * widthBytes);
    }

    @Override
    public void write(int vcpuIndex, int region, int offset, int widthBytes, long value) {
        // dropped
    }
}
