package io.jvmm.vcpu.kvm.sys;

/** {@code kvm_run.exit_reason} values, {@code linux/kvm.h}. Constants rather than an enum: switched over at every exit. */
public final class KvmExitReason {
    public static final int UNKNOWN = 0;
    public static final int EXCEPTION = 1;
    public static final int IO = 2;
    public static final int DEBUG = 4;
    public static final int HLT = 5;
    public static final int MMIO = 6;
    public static final int IRQ_WINDOW_OPEN = 7;
    public static final int SHUTDOWN = 8;
    public static final int FAIL_ENTRY = 9;
    public static final int INTR = 10;
    public static final int INTERNAL_ERROR = 17;
    public static final int SYSTEM_EVENT = 24;

    /** {@code internal.suberror}: the emulator met an instruction it does not know. */
    public static final int INTERNAL_ERROR_EMULATION = 1;
    /** {@code emulation_failure.flags}: {@code insn_size} and {@code insn_bytes} are valid. */
    public static final int EMULATION_FLAG_INSTRUCTION_BYTES = 1;

    private KvmExitReason() {}

    /** The name for messages. */
    public static String name(int reason) {
        return switch (reason) {
            case UNKNOWN -> "KVM_EXIT_UNKNOWN";
            case EXCEPTION -> "KVM_EXIT_EXCEPTION";
            case IO -> "KVM_EXIT_IO";
            case DEBUG -> "KVM_EXIT_DEBUG";
            case HLT -> "KVM_EXIT_HLT";
            case MMIO -> "KVM_EXIT_MMIO";
            case IRQ_WINDOW_OPEN -> "KVM_EXIT_IRQ_WINDOW_OPEN";
            case SHUTDOWN -> "KVM_EXIT_SHUTDOWN";
            case FAIL_ENTRY -> "KVM_EXIT_FAIL_ENTRY";
            case INTR -> "KVM_EXIT_INTR";
            case INTERNAL_ERROR -> "KVM_EXIT_INTERNAL_ERROR";
            case SYSTEM_EVENT -> "KVM_EXIT_SYSTEM_EVENT";
            default -> "KVM exit reason " + reason;
        };
    }

    /** The name of an {@code internal.suberror}. */
    public static String internalErrorName(int suberror) {
        return switch (suberror) {
            case INTERNAL_ERROR_EMULATION -> "emulation failure";
            case 2 -> "simultaneous exceptions";
            case 3 -> "exit while delivering an event";
            case 4 -> "unexpected hardware exit reason";
            default -> "suberror " + suberror;
        };
    }
}
