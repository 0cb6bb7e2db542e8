package io.jvmm.vcpu.engine;

/**
 * Answers the guest's IN and OUT in the middle of the instruction: see {@link Vcpu#answerPorts}. Called by the vCPU's own thread
 * inside {@link Vcpu#run()}; returns in bounded time, allocates nothing, throws nothing and calls no method of the vCPU.
 */
public interface PortHandler {
    /**
     * The guest reads a port.
     *
     * @param port 0..ffff
     * @param widthBytes 1, 2 or 4
     * @return only the low {@code widthBytes} are used
     */
    long readPort(int port, int widthBytes);

    /** The guest writes a port; {@code value} is zero-extended. */
    void writePort(int port, int widthBytes, long value);
}
