package io.jvmm.vcpu.kvm.sys;

/**
 * The KVM capabilities the engine asks for, in the order they are checked; numbers from {@code linux/kvm.h}. A required
 * one that is missing is named in the error together with what it is needed for.
 */
public enum KvmCapability {
    USER_MEMORY(3, true, "guest memory from this process"),
    SET_TSS_ADDR(4, true, "real mode on Intel processors"),
    EXT_CPUID(7, true, "choosing the guest's CPUID"),
    IRQCHIP(0, true, "interrupt controllers in the kernel"),
    NR_MEMSLOTS(10, true, "guest memory slots"),
    MP_STATE(14, true, "secondary processors"),
    DESTROY_MEMORY_REGION_WORKS(21, true, "guest memory slots"),
    IRQ_ROUTING(25, true, "interrupt routing"),
    IRQFD(32, true, "interrupts from device processes"),
    PIT2(33, true, "the 8254 timer"),
    IOEVENTFD(36, true, "doorbells to device processes"),
    SET_IDENTITY_MAP_ADDR(37, true, "real mode on Intel processors"),
    TSC_DEADLINE_TIMER(72, false, "TSC-deadline timer in the local APIC"),
    SYNC_REGS(74, true, "reading registers at an exit"),
    READONLY_MEM(81, false, "read-only memory (ROM)"),
    IRQFD_RESAMPLE(82, true, "level-triggered interrupts from device processes"),
    CHECK_EXTENSION_VM(105, false, "capabilities of one virtual machine"),
    IMMEDIATE_EXIT(136, true, "stopping a vCPU without losing the request"),
    EXIT_ON_EMULATION_FAILURE(204, false, "the bytes of an instruction KVM cannot emulate"),
    NR_VCPUS(9, false, "recommended number of vCPUs"),
    MAX_VCPUS(66, false, "maximal number of vCPUs");

    private final int number;
    private final boolean required;
    private final String purpose;

    KvmCapability(int number, boolean required, String purpose) {
        this.number = number;
        this.required = required;
        this.purpose = purpose;
    }

    /** The argument of {@link KvmIoctl#CHECK_EXTENSION}. */
    public int number() {
        return number;
    }

    /** Whether the engine refuses to start without it. */
    public boolean required() {
        return required;
    }

    /** What it is needed for, as a noun phrase. */
    public String purpose() {
        return purpose;
    }

    /** The name as the kernel's header spells it. */
    public String headerName() {
        return "KVM_CAP_" + name();
    }
}
