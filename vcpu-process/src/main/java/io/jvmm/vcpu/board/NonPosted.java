package io.jvmm.vcpu.board;

/**
 * Registers whose writes are not posted: the guest goes on only when the device has handled the write. Port writes of a PC are of
 * that kind (PCI 3.0 §3.2.5), and programs that start something with one rely on it: U-Boot looks once whether fw_cfg's DMA is
 * done. A read behind the write pushes it ahead; its value is thrown away, so the register at offset 0 must be one whose
 * reading changes nothing.
 */
public final class NonPosted implements RegisterTarget {
    private final RegisterTarget device;

    public NonPosted(RegisterTarget device) {
        this.device = device;
    }

    @Override
    public long read(int vcpuIndex, int region, int offset, int widthBytes) {
        return device.read(vcpuIndex, region, offset, widthBytes);
    }

    @Override
    public void write(int vcpuIndex, int region, int offset, int widthBytes, long value) {
        device.write(vcpuIndex, region, offset, widthBytes, value);
        device.read(vcpuIndex, region, 0, 1);
    }

    @Override
    public void giveUp(long waitedNs) {
        device.giveUp(waitedNs);
    }
}
