package io.jvmm.vcpu.x86;

/** The host's clock, from when this was made on. Any thread. */
final class HostTime implements MachineTime {
    private volatile long startNs = System.nanoTime();

    @Override
    public long nowNs() {
        return System.nanoTime() - startNs;
    }

    @Override
    public void continueFrom(long nowNs) {
        startNs = System.nanoTime() - nowNs;
    }
}
