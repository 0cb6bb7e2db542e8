package io.jvmm.vcpu.kvm.sys;

/**
 * Offsets into the page that KVM shares with the thread that runs a vCPU ({@code struct kvm_run}, {@code linux/kvm.h}).
 * Constants, because every exit reads them; a test holds them against the compiler's {@code offsetof}.
 *
 * <pre>
 *   0  u8  request_interrupt_window     32  union, by exit_reason:
 *   1  u8  immediate_exit                   io:   32 u8 direction  33 u8 size  34 u16 port  36 u32 count  40 u64 data_offset
 *   8  u32 exit_reason                      mmio: 32 u64 phys_addr  40 u8 data[8]  48 u32 len  52 u8 is_write
 *  12  u8  ready_for_interrupt_injection    fail_entry: 32 u64 hardware_entry_failure_reason  40 u32 cpu
 *  13  u8  if_flag                          internal:   32 u32 suberror  36 u32 ndata  40 u64 data[16]
 *  14  u16 flags                            emulation_failure: 40 u64 flags  48 u8 insn_size  49 u8 insn_bytes[15]
 *  16  u64 cr8                              system_event: 32 u32 type  36 u32 ndata  40 u64 data[16]
 *  24  u64 apic_base                   288  u64 kvm_valid_regs   296 u64 kvm_dirty_regs
 *                                      304  kvm_sync_regs: 304 kvm_regs (144)  448 kvm_sregs (312)  760 kvm_vcpu_events
 * </pre>
 */
public final class KvmRunLayout {
    public static final int IMMEDIATE_EXIT = 1;
    public static final int EXIT_REASON = 8;

    public static final int IO_DIRECTION = 32;
    public static final int IO_SIZE = 33;
    public static final int IO_PORT = 34;
    public static final int IO_COUNT = 36;
    public static final int IO_DATA_OFFSET = 40;

    public static final int MMIO_ADDRESS = 32;
    public static final int MMIO_DATA = 40;
    public static final int MMIO_LENGTH = 48;
    public static final int MMIO_IS_WRITE = 52;

    public static final int FAIL_ENTRY_REASON = 32;
    public static final int FAIL_ENTRY_CPU = 40;

    public static final int INTERNAL_SUBERROR = 32;
    public static final int INTERNAL_NDATA = 36;
    public static final int INTERNAL_DATA = 40;

    public static final int EMULATION_FLAGS = 40;
    public static final int EMULATION_INSTRUCTION_SIZE = 48;
    public static final int EMULATION_INSTRUCTION_BYTES = 49;
    /** Capacity of {@code insn_bytes}. */
    public static final int EMULATION_INSTRUCTION_CAPACITY = 15;

    public static final int SYSTEM_EVENT_TYPE = 32;

    public static final int UNKNOWN_HARDWARE_REASON = 32;

    public static final int VALID_REGS = 288;
    public static final int DIRTY_REGS = 296;
    public static final int SYNC_REGS = 304;
    public static final int SYNC_SREGS = SYNC_REGS + 144;
    public static final int SYNC_EVENTS = SYNC_SREGS + 312;

    /** Size of the structure itself; the PIO data page and more follow it in the mapping. */
    public static final int SIZE = 2352;

    /** {@code io.direction}: the guest reads ({@code KVM_EXIT_IO_IN}). */
    public static final int IO_IN = 0;

    /** {@code kvm_valid_regs} bit: general registers. */
    public static final long SYNC_REGS_BIT = 1;
    /** {@code kvm_valid_regs} bit: system registers. */
    public static final long SYNC_SREGS_BIT = 2;

    private KvmRunLayout() {}
}
