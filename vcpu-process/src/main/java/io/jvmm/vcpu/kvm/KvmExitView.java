package io.jvmm.vcpu.kvm;

import io.jvmm.vcpu.engine.ExitView;
import io.jvmm.vcpu.kvm.sys.KvmRunLayout;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * The last exit of one vCPU, read where KVM wrote it: the {@code kvm_run} page and the PIO data page behind it. The kernel
 * wrote the structure, the guest chose the values.
 */
final class KvmExitView implements ExitView {
    private final UnsafeBuffer run;
    private long address;
    private int widthBytes;
    private int count;
    private int dataOffset;
    private String failure = "";

    KvmExitView(UnsafeBuffer run) {
        this.run = run;
    }

    /** Takes over a port access; true if the guest reads. */
    boolean readIo() {
        address = Short.toUnsignedLong(run.getShort(KvmRunLayout.IO_PORT));
        widthBytes = run.getByte(KvmRunLayout.IO_SIZE);
        count = run.getInt(KvmRunLayout.IO_COUNT);
        dataOffset = (int) run.getLong(KvmRunLayout.IO_DATA_OFFSET);
        return run.getByte(KvmRunLayout.IO_DIRECTION) == KvmRunLayout.IO_IN;
    }

    /** Takes over a memory access; true if the guest reads. */
    boolean readMmio() {
        address = run.getLong(KvmRunLayout.MMIO_ADDRESS);
        widthBytes = run.getInt(KvmRunLayout.MMIO_LENGTH);
        count = 1;
        dataOffset = KvmRunLayout.MMIO_DATA;
        return run.getByte(KvmRunLayout.MMIO_IS_WRITE) == 0;
    }

    void fail(String reason) {
        failure = reason;
    }

    @Override
    public long address() {
        return address;
    }

    @Override
    public int widthBytes() {
        return widthBytes;
    }

    @Override
    public int count() {
        return count;
    }

    @Override
    public long value(int index) {
        final int at = offsetOf(index);
        return switch (widthBytes) {
            case 1 -> Byte.toUnsignedLong(run.getByte(at));
            case 2 -> Short.toUnsignedLong(run.getShort(at));
            case 4 -> Integer.toUnsignedLong(run.getInt(at));
            case 8 -> run.getLong(at);
            // Only memory accesses have other widths, and their data array holds eight bytes whatever the width.
            default -> run.getLong(KvmRunLayout.MMIO_DATA) & (-1L >>> (64 - 8 * widthBytes));
        };
    }

    @Override
    public void complete(int index, long value) {
        final int at = offsetOf(index);
        switch (widthBytes) {
            case 1 -> run.putByte(at, (byte) value);
            case 2 -> run.putShort(at, (short) value);
            case 4 -> run.putInt(at, (int) value);
            case 8 -> run.putLong(at, value);
            default -> run.putLong(KvmRunLayout.MMIO_DATA, value);
        }
    }

    @Override
    public String failure() {
        return failure;
    }

    private int offsetOf(int index) {
        if (index < 0 || index >= count) {
            throw new IndexOutOfBoundsException(index);
        }
        return dataOffset + index * widthBytes;
    }
}
