package io.jvmm.vcpu.x86.mmu;

/**
 * What a vCPU finds at guest-physical addresses that are not RAM, and behind ports: its local APIC, the IOAPIC, PIC and
 * PIT, and the board. One object a vCPU, used by its thread alone.
 *
 * <p>Where a device that the board answers cannot be answered here, the implementation notes what is wanted and throws
 * {@link DeviceExit}; the instruction is given up without effect and executed again once the board has answered, this time
 * finding its answers here in the same order.
 */
public interface DeviceSpace {
    /** Reads {@code widthBytes} (1, 2, 4, 8) at a guest-physical address; zero-extended. */
    long readMemory(long guestPhysicalAddress, int widthBytes);

    /** Writes the low {@code widthBytes} (1, 2, 4, 8) of {@code value}. */
    void writeMemory(long guestPhysicalAddress, int widthBytes, long value);

    /** IN: {@code widthBytes} is 1, 2 or 4; zero-extended. */
    int in(int port, int widthBytes);

    /** INS: as {@link #in}, but what comes of it goes to memory, which may be a device's too. */
    default int ins(int port, int widthBytes) {
        return in(port, widthBytes);
    }

    /** OUT of the low {@code widthBytes} of {@code value}. */
    void out(int port, int widthBytes, int value);

    /**
     * Many INs at once, for REP INS: what they read goes to RAM at the host address, of which there is room for {@code most} items.
     *
     * @return how many were done, at least one; 0 when they must be done one by one
     */
    default int inString(int port, int widthBytes, int most, long host) {
        return 0;
    }

    /** Many OUTs at once, for REP OUTS, of what is in RAM at the host address. Returns as {@link #inString}. */
    default int outString(int port, int widthBytes, int most, long host) {
        return 0;
    }
}
