package io.jvmm.vcpu.kvm.sys;

import static io.jvmm.vcpu.kvm.sys.KvmIoctl.Direction.NONE;
import static io.jvmm.vcpu.kvm.sys.KvmIoctl.Direction.READ;
import static io.jvmm.vcpu.kvm.sys.KvmIoctl.Direction.READ_WRITE;
import static io.jvmm.vcpu.kvm.sys.KvmIoctl.Direction.WRITE;
import static io.jvmm.vcpu.kvm.sys.KvmIoctl.Use.BUILDING;
import static io.jvmm.vcpu.kvm.sys.KvmIoctl.Use.RUNNING;

import java.util.EnumSet;
import java.util.Set;

/**
 * Every KVM ioctl this project makes, with the number computed as {@code asm-generic/ioctl.h} does:
 * {@code direction << 30 | size << 16 | 0xAE << 8 | nr}. A test compares the results with those of a C compiler.
 *
 * <p>The vCPU process's narrow seccomp filter ({@code policies/src/main/policy/x86_64/vcpu.policy}) allows exactly
 * {@link #afterReady()}; everything else is done before the jail closes. Change both together.
 */
public enum KvmIoctl {
    // On /dev/kvm itself.
    GET_API_VERSION(NONE, 0x00, 0, BUILDING),
    CREATE_VM(NONE, 0x01, 0, BUILDING),
    CHECK_EXTENSION(NONE, 0x03, 0, BUILDING),
    GET_VCPU_MMAP_SIZE(NONE, 0x04, 0, BUILDING),
    /** The size is that of the head of {@code kvm_cpuid2}; entries follow it. */
    GET_SUPPORTED_CPUID(READ_WRITE, 0x05, 8, BUILDING),

    // On a virtual machine.
    CREATE_VCPU(NONE, 0x41, 0, BUILDING),
    SET_USER_MEMORY_REGION(WRITE, 0x46, 32, BUILDING),
    SET_TSS_ADDR(NONE, 0x47, 0, BUILDING),
    SET_IDENTITY_MAP_ADDR(WRITE, 0x48, 8, BUILDING),
    CREATE_IRQCHIP(NONE, 0x60, 0, BUILDING),
    /** While running: where the guest wants its MSI-X messages to go. */
    SET_GSI_ROUTING(WRITE, 0x6a, 8, RUNNING),
    /** While running: masks and unmasks such a message. */
    IRQFD(WRITE, 0x76, 32, RUNNING),
    CREATE_PIT2(WRITE, 0x77, 64, BUILDING),
    IOEVENTFD(WRITE, 0x79, 64, BUILDING),
    ENABLE_CAP(WRITE, 0xa3, 104, BUILDING),

    // On a vCPU.
    /** The one that matters: enters the guest. Never through a critical downcall: it blocks for as long as the guest likes. */
    RUN(NONE, 0x80, 0, RUNNING),
    GET_REGS(READ, 0x81, 144, BUILDING),
    SET_REGS(WRITE, 0x82, 144, BUILDING),
    GET_SREGS(READ, 0x83, 312, BUILDING),
    SET_SREGS(WRITE, 0x84, 312, BUILDING),
    /** Walks the guest's page tables; used for the bytes at RIP in a crash report. Changes nothing. */
    TRANSLATE(READ_WRITE, 0x85, 24, RUNNING),
    GET_MSRS(READ_WRITE, 0x88, 8, BUILDING),
    SET_MSRS(WRITE, 0x89, 8, BUILDING),
    GET_LAPIC(READ, 0x8e, 1024, BUILDING),
    SET_LAPIC(WRITE, 0x8f, 1024, BUILDING),
    SET_CPUID2(WRITE, 0x90, 8, BUILDING),
    GET_MP_STATE(READ, 0x98, 4, BUILDING),
    SET_MP_STATE(WRITE, 0x99, 4, BUILDING);

    /** Which way the structure goes, seen from the caller: READ means the kernel fills it. */
    enum Direction {
        NONE(0),
        WRITE(1),
        READ(2),
        READ_WRITE(3);

        final int bits;

        Direction(int bits) {
            this.bits = bits;
        }
    }

    /** When it is called. */
    enum Use {
        /** Only before READY. */
        BUILDING,
        /** Also under the narrow filter. */
        RUNNING
    }

    /** The type letter of all KVM ioctls. */
    static final int KVMIO = 0xAE;

    private final long request;
    private final int sizeBytes;
    private final Use use;

    KvmIoctl(Direction direction, int number, int sizeBytes, Use use) {
        this.request = ((long) direction.bits << 30) | ((long) sizeBytes << 16) | (KVMIO << 8) | number;
        this.sizeBytes = sizeBytes;
        this.use = use;
    }

    /** The second argument of ioctl(2): a 32-bit number, zero-extended. */
    public long request() {
        return request;
    }

    /** Size of the structure, or of its fixed head, in bytes; 0 when the argument is a value. */
    public int sizeBytes() {
        return sizeBytes;
    }

    /** The name as the kernel's header spells it. */
    public String headerName() {
        return "KVM_" + name();
    }

    /** What a running, jailed vCPU process still calls. The narrow filter allows these and no other ioctl. */
    public static Set<KvmIoctl> afterReady() {
        final EnumSet<KvmIoctl> result = EnumSet.noneOf(KvmIoctl.class);
        for (KvmIoctl each : values()) {
            if (each.use == RUNNING) {
                result.add(each);
            }
        }
        return result;
    }
}
