package io.jvmm.vcpu.x86.apic;

/**
 * Registers of the local APIC by their number: an MMIO offset divided by 16, an x2APIC MSR less 800 (SDM 3A tables 11-1 and
 * 11-6); and which of their bits there are.
 */
final class ApicRegister {
    static final int ID = 0x02;
    static final int VERSION = 0x03;
    static final int TPR = 0x08;
    /** Arbitration priority: not in x2APIC mode, 0 on processors since the Pentium 4. */
    static final int APR = 0x09;

    static final int PPR = 0x0a;
    static final int EOI = 0x0b;
    /** Remote read: not in x2APIC mode. */
    static final int RRD = 0x0c;

    static final int LDR = 0x0d;
    static final int DFR = 0x0e;
    static final int SVR = 0x0f;
    static final int ISR = 0x10;
    static final int TMR = 0x18;
    static final int IRR = 0x20;
    static final int ESR = 0x28;
    static final int ICR_LOW = 0x30;
    static final int ICR_HIGH = 0x31;
    static final int LVT_TIMER = 0x32;
    static final int LVT_THERMAL = 0x33;
    static final int LVT_PERFORMANCE = 0x34;
    static final int LVT_LINT0 = 0x35;
    static final int LVT_LINT1 = 0x36;
    static final int LVT_ERROR = 0x37;
    static final int INITIAL_COUNT = 0x38;
    static final int CURRENT_COUNT = 0x39;
    static final int DIVIDE = 0x3e;
    static final int SELF_IPI = 0x3f;

    // ---- bits in them ----

    /** IA32_APIC_BASE: this is the bootstrap processor. */
    static final long BASE_BSP = 1 << 8;

    static final long BASE_X2APIC = 1 << 10;
    static final long BASE_ENABLE = 1 << 11;
    /** Where the register page is after reset. */
    static final long BASE_ADDRESS = 0xfee0_0000L;

    /** Version 14h, six LVT entries, suppression of EOI broadcasts. */
    static final int VERSION_VALUE = 0x0105_0014;

    static final int LOWEST_VECTOR = 16;
    static final int MODEL_FLAT = 0xf;

    static final int LVT_MASKED = 1 << 16;
    static final int LVT_COUNT = LVT_ERROR - LVT_TIMER + 1;
    /** Bits of each LVT entry that can be written: timer, thermal, performance, LINT0, LINT1, error (figure 11-8). */
    static final int[] LVT_WRITABLE = {0x700ff, 0x107ff, 0x107ff, 0x1a7ff, 0x1a7ff, 0x100ff};

    static final int SVR_ENABLE = 1 << 8;
    static final int SVR_SUPPRESS_BROADCAST = 1 << 12;
    static final int SVR_WRITABLE = 0x11ff;

    static final int ERROR_SEND_ILLEGAL_VECTOR = 1 << 5;
    static final int ERROR_RECEIVE_ILLEGAL_VECTOR = 1 << 6;
    static final int ERROR_ILLEGAL_REGISTER = 1 << 7;

    static final int ERRORS = ERROR_SEND_ILLEGAL_VECTOR | ERROR_RECEIVE_ILLEGAL_VECTOR | ERROR_ILLEGAL_REGISTER;

    static final int ICR_WRITABLE = 0xc_cfff;

    private ApicRegister() {}
}
