package io.jvmm.vcpu.kvm;

import static io.jvmm.vcpu.kvm.sys.KvmLayouts.CPUID2;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.CPUID_ENTRY2;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.offset;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.vcpu.kvm.sys.KvmCapability;
import io.jvmm.vcpu.kvm.sys.KvmFd;
import io.jvmm.vcpu.kvm.sys.KvmIoctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** {@code /dev/kvm} itself: what this host's KVM is and can do, checked once. */
final class KvmHost {
    /** The only version there has ever been; the kernel's documentation says to refuse any other. */
    private static final int API_VERSION = 12;

    private static final int MAX_CPUID_ENTRIES = 512;

    private final KvmFd device;
    private final long runPageBytes;

    /**
     * Checks version and capabilities.
     *
     * @param device /dev/kvm, opened read-write by the supervisor
     * @throws SysException naming every capability that is missing
     */
    KvmHost(KvmFd device) {
        this.device = device;
        final int version = device.call(KvmIoctl.GET_API_VERSION, 0);
        if (version != API_VERSION) {
            throw SysException.of(
                    "KVM API version " + version + ", not " + API_VERSION,
                    Errno.ENOSYS.number(),
                    "use the KVM of Linux 2.6.22 or later");
        }
        final String missing = missing(this::has);
        if (!missing.isEmpty()) {
            throw SysException.of(
                    "this host's KVM lacks " + missing,
                    Errno.EOPNOTSUPP.number(),
                    "use Linux 6.1 or later on a processor with VT-x or SVM");
        }
        runPageBytes = device.call(KvmIoctl.GET_VCPU_MMAP_SIZE, 0);
    }

    /** The required capabilities that are not there, each with what it is needed for; "" if all are. */
    static String missing(Predicate<KvmCapability> available) {
        final StringBuilder names = new StringBuilder();
        for (KvmCapability capability : KvmCapability.values()) {
            if (capability.required() && !available.test(capability)) {
                names.append(names.isEmpty() ? "" : ", ")
                        .append(capability.headerName())
                        .append(" (")
                        .append(capability.purpose())
                        .append(')');
            }
        }
        return names.toString();
    }

    /** Length of a vCPU's mapping in bytes. */
    long runPageBytes() {
        return runPageBytes;
    }

    boolean has(KvmCapability capability) {
        return value(capability) > 0;
    }

    /** What KVM_CHECK_EXTENSION says: 0 for "no", else 1 or a limit. */
    int value(KvmCapability capability) {
        return device.call(KvmIoctl.CHECK_EXTENSION, capability.number());
    }

    /** The CPUID leaves KVM can virtualize here. */
    List<CpuidEntry> supportedCpuid() {
        try (Arena scratch = Arena.ofConfined()) {
            final MemorySegment table =
                    scratch.allocate(CPUID2.byteSize() + MAX_CPUID_ENTRIES * CPUID_ENTRY2.byteSize(), 8);
            table.set(JAVA_INT, offset(CPUID2, "nent"), MAX_CPUID_ENTRIES);
            device.call(KvmIoctl.GET_SUPPORTED_CPUID, table);
            final int count = Math.clamp(table.get(JAVA_INT, offset(CPUID2, "nent")), 0, MAX_CPUID_ENTRIES);
            final List<CpuidEntry> entries = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                final MemorySegment at = table.asSlice(CPUID2.byteSize() + i * CPUID_ENTRY2.byteSize());
                entries.add(new CpuidEntry(
                        at.get(JAVA_INT, offset(CPUID_ENTRY2, "function")),
                        at.get(JAVA_INT, offset(CPUID_ENTRY2, "index")),
                        at.get(JAVA_INT, offset(CPUID_ENTRY2, "flags")),
                        at.get(JAVA_INT, offset(CPUID_ENTRY2, "eax")),
                        at.get(JAVA_INT, offset(CPUID_ENTRY2, "ebx")),
                        at.get(JAVA_INT, offset(CPUID_ENTRY2, "ecx")),
                        at.get(JAVA_INT, offset(CPUID_ENTRY2, "edx"))));
            }
            return entries;
        }
    }

    /** Gives a vCPU its table. */
    static void setCpuid(KvmFd vcpu, List<CpuidEntry> entries) {
        try (Arena scratch = Arena.ofConfined()) {
            final MemorySegment table =
                    scratch.allocate(CPUID2.byteSize() + entries.size() * CPUID_ENTRY2.byteSize(), 8);
            table.set(JAVA_INT, offset(CPUID2, "nent"), entries.size());
            for (int i = 0; i < entries.size(); i++) {
                final CpuidEntry entry = entries.get(i);
                final MemorySegment at = table.asSlice(CPUID2.byteSize() + i * CPUID_ENTRY2.byteSize());
                at.set(JAVA_INT, offset(CPUID_ENTRY2, "function"), entry.function());
                at.set(JAVA_INT, offset(CPUID_ENTRY2, "index"), entry.index());
                at.set(JAVA_INT, offset(CPUID_ENTRY2, "flags"), entry.flags());
                at.set(JAVA_INT, offset(CPUID_ENTRY2, "eax"), entry.eax());
                at.set(JAVA_INT, offset(CPUID_ENTRY2, "ebx"), entry.ebx());
                at.set(JAVA_INT, offset(CPUID_ENTRY2, "ecx"), entry.ecx());
                at.set(JAVA_INT, offset(CPUID_ENTRY2, "edx"), entry.edx());
            }
            vcpu.call(KvmIoctl.SET_CPUID2, table);
        }
    }
}
