package io.jvmm.vcpu.kvm;

import static io.jvmm.vcpu.kvm.sys.KvmLayouts.ENABLE_CAP;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.IOEVENTFD;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.IRQFD;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.LAPIC_STATE;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.PIT_CONFIG;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.USERSPACE_MEMORY_REGION;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.offset;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.vcpu.engine.Engine;
import io.jvmm.vcpu.engine.MessageInterrupt;
import io.jvmm.vcpu.engine.Vcpu;
import io.jvmm.vcpu.kvm.sys.KickSignal;
import io.jvmm.vcpu.kvm.sys.KvmCapability;
import io.jvmm.vcpu.kvm.sys.KvmFd;
import io.jvmm.vcpu.kvm.sys.KvmIoctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One virtual machine on KVM, with LAPICs, IOAPIC, 8259s and the 8254 in the kernel.
 *
 * <p>Built by one thread in the process that runs it (KVM ties a machine to the address space that created it). The order
 * the kernel demands, and the constructor keeps: TSS and identity-map addresses, interrupt controllers, timer, routes;
 * then vCPUs.
 */
public final class KvmEngine implements Engine {
    /**
     * Three pages for the TSS that VT-x needs for real mode without "unrestricted guest", and before them one page of
     * identity map: guest-physical, in the hole below 4 GiB between the local APICs and the largest firmware, where no device is put.
     */
    static final long IDENTITY_MAP_ADDRESS = 0xfeff_c000L;

    static final long TSS_ADDRESS = 0xfeff_d000L;

    private static final int PIT_SPEAKER_DUMMY = 1;
    private static final int MEM_READONLY = 2;
    private static final int IRQFD_RESAMPLE = 2;
    private static final int IOEVENTFD_DATAMATCH = 1;
    private static final int IOEVENTFD_PIO = 2;

    /** SDM 3A 11.5.1: local vector table entries of the two pins of a LAPIC; delivery mode in bits 8..10. */
    private static final long LAPIC_LINT0 = 0x350;

    private static final long LAPIC_LINT1 = 0x360;
    private static final int DELIVERY_NMI = 0x400;
    private static final int DELIVERY_EXTINT = 0x700;

    private final Arena arena = Arena.ofShared();
    private final KvmFd machine;
    private final int vcpuCount;
    private final List<CpuidEntry> supportedCpuid;
    private final long runPageBytes;
    private final boolean tscDeadline;
    private final boolean readOnlyMemory;
    private final GuestSlots slots = new GuestSlots();
    private final KvmMessages messages;
    private final InterruptRouting routing = new InterruptRouting(arena);
    private final List<KvmVcpu> vcpus = new ArrayList<>();
    private final List<Mapping> runPages = new ArrayList<>();

    private KvmEngine(KvmHost host, KvmFd machine, int vcpuCount) {
        this.machine = machine;
        this.vcpuCount = vcpuCount;
        this.supportedCpuid = host.supportedCpuid();
        this.runPageBytes = host.runPageBytes();
        this.tscDeadline = host.has(KvmCapability.TSC_DEADLINE_TIMER);
        this.readOnlyMemory = host.has(KvmCapability.READONLY_MEM);
        this.messages = new KvmMessages(machine, routing, host.value(KvmCapability.IRQ_ROUTING), arena);
    }

    /**
     * Creates a virtual machine without memory and vCPUs.
     *
     * @param device /dev/kvm, open for reading and writing; stays the caller's and may be closed afterwards
     * @param vcpuCount how many vCPUs it will have, at least 1
     * @throws SysException when KVM lacks something, or the host has no room
     */
    public static KvmEngine create(Fd device, int vcpuCount) {
        final KvmFd kvm = new KvmFd(device);
        final KvmHost host = new KvmHost(kvm);
        checkVcpuCount(host, vcpuCount);
        KickSignal.install();
        final KvmFd machine = kvm.create(KvmIoctl.CREATE_VM, 0, "");
        try {
            final KvmEngine engine = new KvmEngine(host, machine, vcpuCount);
            engine.buildControllers(host.has(KvmCapability.EXIT_ON_EMULATION_FAILURE));
            return engine;
        } catch (RuntimeException e) {
            machine.close();
            throw e;
        }
    }

    private static void checkVcpuCount(KvmHost host, int vcpuCount) {
        final int maximum = Math.max(host.value(KvmCapability.MAX_VCPUS), 1);
        // 255 is the broadcast id of an xAPIC, and ids beyond it need interrupt remapping.
        final int limit = Math.min(maximum, 255);
        if (vcpuCount < 1 || vcpuCount > limit) {
            throw new IllegalArgumentException(vcpuCount + " vCPUs: this host's KVM takes 1 to " + limit);
        }
    }

    private void buildControllers(boolean exitOnEmulationFailure) {
        try (Arena scratch = Arena.ofConfined()) {
            final MemorySegment identityMap = scratch.allocate(JAVA_LONG);
            identityMap.set(JAVA_LONG, 0, IDENTITY_MAP_ADDRESS);
            machine.call(KvmIoctl.SET_IDENTITY_MAP_ADDR, identityMap);
            machine.call(KvmIoctl.SET_TSS_ADDR, TSS_ADDRESS);
            machine.call(KvmIoctl.CREATE_IRQCHIP, 0);
            final MemorySegment pit = scratch.allocate(PIT_CONFIG);
            // The speaker's port 61 answers without sound; kernels calibrate their clocks with its gate.
            pit.set(JAVA_INT, offset(PIT_CONFIG, "flags"), PIT_SPEAKER_DUMMY);
            machine.call(KvmIoctl.CREATE_PIT2, pit);
            machine.call(KvmIoctl.SET_GSI_ROUTING, routing.table());
            if (exitOnEmulationFailure) {
                final MemorySegment enable = scratch.allocate(ENABLE_CAP);
                enable.set(JAVA_INT, offset(ENABLE_CAP, "cap"), KvmCapability.EXIT_ON_EMULATION_FAILURE.number());
                enable.set(JAVA_LONG, offset(ENABLE_CAP, "args"), 1);
                machine.call(KvmIoctl.ENABLE_CAP, enable, KvmCapability.EXIT_ON_EMULATION_FAILURE.headerName());
            }
        }
    }

    @Override
    public String name() {
        return "kvm";
    }

    @Override
    public int physicalAddressBits() {
        return GuestCpuid.physicalAddressBits(supportedCpuid);
    }

    @Override
    public void mapMemory(
            int slot, long guestPhysicalAddress, long lengthBytes, MemorySegment hostMemory, boolean readOnly) {
        if (slot < 0 || slot >= GuestSlots.CAPACITY) {
            throw new IllegalArgumentException("memory slot " + slot);
        }
        if (((guestPhysicalAddress | lengthBytes | hostMemory.address()) & 0xfff) != 0) {
            throw new IllegalArgumentException("memory slot " + slot + " is not page-aligned");
        }
        if (lengthBytes < 0 || lengthBytes > hostMemory.byteSize()) {
            throw new IllegalArgumentException("memory slot " + slot + " of " + lengthBytes + " bytes");
        }
        if (readOnly && !readOnlyMemory) {
            throw new IllegalArgumentException("this host's KVM has no read-only memory");
        }
        try (Arena scratch = Arena.ofConfined()) {
            final MemorySegment region = scratch.allocate(USERSPACE_MEMORY_REGION);
            region.set(JAVA_INT, offset(USERSPACE_MEMORY_REGION, "slot"), slot);
            region.set(JAVA_INT, offset(USERSPACE_MEMORY_REGION, "flags"), readOnly ? MEM_READONLY : 0);
            region.set(JAVA_LONG, offset(USERSPACE_MEMORY_REGION, "guest_phys_addr"), guestPhysicalAddress);
            region.set(JAVA_LONG, offset(USERSPACE_MEMORY_REGION, "memory_size"), lengthBytes);
            region.set(JAVA_LONG, offset(USERSPACE_MEMORY_REGION, "userspace_addr"), hostMemory.address());
            machine.call(
                    KvmIoctl.SET_USER_MEMORY_REGION,
                    region,
                    "(slot " + slot + ", " + lengthBytes + " bytes at " + Long.toHexString(guestPhysicalAddress) + ")");
        }
        slots.set(slot, guestPhysicalAddress, lengthBytes, hostMemory);
    }

    @Override
    public Vcpu createVcpu(int index) {
        if (index != vcpus.size() || index >= vcpuCount) {
            throw new IllegalArgumentException("vCPU " + index + " after " + vcpus.size() + " of " + vcpuCount);
        }
        final KvmFd fd = machine.create(KvmIoctl.CREATE_VCPU, index, "(" + index + ")");
        final Mapping page;
        try {
            KvmHost.setCpuid(fd, GuestCpuid.forVcpu(supportedCpuid, index, vcpuCount, tscDeadline));
            BootMsrs.apply(fd);
            wireLocalInterrupts(fd, index);
            page = Mapping.shared(fd.fd(), 0, runPageBytes, Mapping.Access.READ_WRITE);
        } catch (RuntimeException e) {
            fd.close();
            throw e;
        }
        runPages.add(page);
        final KvmVcpu vcpu = new KvmVcpu(index, fd, page.segment(), slots, arena);
        vcpus.add(vcpu);
        return vcpu;
    }

    /**
     * The virtual wire of a PC without interrupt setup (MultiProcessor Specification 3.6.2.2): the 8259s reach the boot
     * processor through LINT0, LINT1 is NMI everywhere.
     */
    private static void wireLocalInterrupts(KvmFd vcpu, int index) {
        try (Arena scratch = Arena.ofConfined()) {
            final MemorySegment state = scratch.allocate(LAPIC_STATE.byteSize(), 8);
            vcpu.call(KvmIoctl.GET_LAPIC, state);
            if (index == 0) {
                state.set(JAVA_INT, LAPIC_LINT0, DELIVERY_EXTINT);
            }
            state.set(JAVA_INT, LAPIC_LINT1, DELIVERY_NMI);
            vcpu.call(KvmIoctl.SET_LAPIC, state);
        }
    }

    @Override
    public void attachInterrupt(int gsi, Fd eventFd, @Nullable Fd resampleFd) {
        if (gsi < 0 || gsi >= InterruptRouting.IOAPIC_PINS) {
            throw new IllegalArgumentException("GSI " + gsi);
        }
        try (Arena scratch = Arena.ofConfined()) {
            final MemorySegment irqfd = scratch.allocate(IRQFD);
            irqfd.set(JAVA_INT, offset(IRQFD, "fd"), eventFd.number());
            irqfd.set(JAVA_INT, offset(IRQFD, "gsi"), gsi);
            if (resampleFd != null) {
                irqfd.set(JAVA_INT, offset(IRQFD, "flags"), IRQFD_RESAMPLE);
                irqfd.set(JAVA_INT, offset(IRQFD, "resamplefd"), resampleFd.number());
            }
            machine.call(KvmIoctl.IRQFD, irqfd, "(GSI " + gsi + ")");
        }
    }

    @Override
    public MessageInterrupt attachMessage(Fd eventFd) {
        return messages.attach(eventFd);
    }

    @Override
    public void attachDoorbell(long address, int widthBytes, boolean pio, long match, Fd eventFd) {
        attachDoorbell(
                address, widthBytes, pio ? IOEVENTFD_PIO | IOEVENTFD_DATAMATCH : IOEVENTFD_DATAMATCH, match, eventFd);
    }

    @Override
    public void attachDoorbell(long address, int widthBytes, boolean pio, Fd eventFd) {
        attachDoorbell(address, widthBytes, pio ? IOEVENTFD_PIO : 0, 0, eventFd);
    }

    private void attachDoorbell(long address, int widthBytes, int flags, long match, Fd eventFd) {
        if (widthBytes != 1 && widthBytes != 2 && widthBytes != 4 && widthBytes != 8) {
            throw new IllegalArgumentException("doorbell of " + widthBytes + " bytes");
        }
        try (Arena scratch = Arena.ofConfined()) {
            final MemorySegment ioeventfd = scratch.allocate(IOEVENTFD);
            ioeventfd.set(JAVA_LONG, offset(IOEVENTFD, "datamatch"), match);
            ioeventfd.set(JAVA_LONG, offset(IOEVENTFD, "addr"), address);
            ioeventfd.set(JAVA_INT, offset(IOEVENTFD, "len"), widthBytes);
            ioeventfd.set(JAVA_INT, offset(IOEVENTFD, "fd"), eventFd.number());
            ioeventfd.set(JAVA_INT, offset(IOEVENTFD, "flags"), flags);
            machine.call(KvmIoctl.IOEVENTFD, ioeventfd, "(" + Long.toHexString(address) + ")");
        }
    }

    @Override
    public void prepare() {
        // Everything lives in the kernel: KVM has no threads of ours and nothing to load.
    }

    @Override
    public void close() {
        for (KvmVcpu vcpu : vcpus) {
            vcpu.fd().close();
        }
        for (Mapping page : runPages) {
            page.close();
        }
        machine.close();
        arena.close();
    }
}
