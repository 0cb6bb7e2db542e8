package io.jvmm.vcpu.kvm;

import static io.jvmm.vcpu.kvm.sys.KvmLayouts.REGS;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.SREGS;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.TRANSLATION;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.offset;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.vcpu.engine.BootState;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.ExitView;
import io.jvmm.vcpu.engine.Vcpu;
import io.jvmm.vcpu.engine.VcpuRegisters;
import io.jvmm.vcpu.kvm.sys.Ioctl;
import io.jvmm.vcpu.kvm.sys.KickSignal;
import io.jvmm.vcpu.kvm.sys.KvmExitReason;
import io.jvmm.vcpu.kvm.sys.KvmFd;
import io.jvmm.vcpu.kvm.sys.KvmIoctl;
import io.jvmm.vcpu.kvm.sys.KvmRunLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A processor on KVM.
 *
 * <p><b>The kick.</b> {@code kvm_run.immediate_exit = 1} makes a KVM_RUN that has not entered the guest yet return EINTR;
 * the signal makes one that has. Set first, then signalled, no kick can fall between. The vCPU's thread clears the byte
 * when KVM_RUN said EINTR and only then (after a fence) lets its caller look at requests: a kick that comes later sets it
 * again.
 *
 * <p><b>Registers.</b> KVM finishes a PIO or MMIO instruction at the <em>next</em> KVM_RUN, so registers read at an exit
 * are those from before it. {@link #settle()} runs KVM with {@code immediate_exit} set, which completes the access and
 * returns before the guest does; with KVM_CAP_SYNC_REGS the same call leaves the registers in the shared page. So a
 * snapshot needs no ioctl but KVM_RUN, and the jail allows none.
 */
final class KvmVcpu implements Vcpu {
    /** A waiting secondary processor that is woken makes KVM_RUN say EAGAIN: call again, but not for ever. */
    private static final int MAX_AGAIN = 64;

    private static final int EINTR = -Errno.EINTR.number();
    private static final int EAGAIN = -Errno.EAGAIN.number();

    private final int index;
    private final KvmFd fd;
    private final int fdNumber;
    private final MemorySegment page;
    private final UnsafeBuffer run;
    private final KvmExitView exit;
    private final MemorySegment translation;
    private final GuestSlots slots;

    /** Kernel id of the thread that runs the guest, 0 before it has begun. */
    private volatile int threadId;

    /**
     * Wraps a vCPU that KVM made.
     *
     * @param fd owned
     * @param page the mapping of the vCPU's descriptor; outlives this object
     */
    KvmVcpu(int index, KvmFd fd, MemorySegment page, GuestSlots slots, Arena arena) {
        this.index = index;
        this.fd = fd;
        this.fdNumber = fd.number();
        this.page = page;
        this.run = new UnsafeBuffer(page.address(), Math.toIntExact(page.byteSize()));
        this.exit = new KvmExitView(run);
        this.translation = arena.allocate(TRANSLATION);
        this.slots = slots;
    }

    @Override
    public int index() {
        return index;
    }

    @Override
    public ExitView exit() {
        return exit;
    }

    @Override
    public void bind() {
        threadId = KickSignal.bindCurrentThread();
        // A kick that did not see the thread id has set immediate_exit before this fence.
        VarHandle.fullFence();
    }

    @Override
    public ExitKind run() {
        if (threadId == 0) {
            bind();
        }
        for (int again = 0; again < MAX_AGAIN; again++) {
            final int result = Ioctl.run(fdNumber);
            if (result >= 0) {
                return exitKind();
            }
            if (result == EINTR) {
                kicked();
                return ExitKind.KICKED;
            }
            if (result != EAGAIN) {
                // EFAULT and the like come with a reason in the page only sometimes; the errno is what there is.
                exit.fail("KVM_RUN: " + Errno.of(-result).name());
                return ExitKind.INTERNAL_ERROR;
            }
        }
        return ExitKind.KICKED;
    }

    private ExitKind exitKind() {
        final int reason = run.getInt(KvmRunLayout.EXIT_REASON);
        return switch (reason) {
            case KvmExitReason.IO -> exit.readIo() ? ExitKind.PIO_READ : ExitKind.PIO_WRITE;
            case KvmExitReason.MMIO -> exit.readMmio() ? ExitKind.MMIO_READ : ExitKind.MMIO_WRITE;
            case KvmExitReason.INTR -> {
                kicked();
                yield ExitKind.KICKED;
            }
            case KvmExitReason.IRQ_WINDOW_OPEN -> ExitKind.KICKED;
            case KvmExitReason.HLT -> ExitKind.HALTED;
            default -> KvmFailure.classify(run, reason, exit);
        };
    }

    private void kicked() {
        run.putByteVolatile(KvmRunLayout.IMMEDIATE_EXIT, (byte) 0);
        VarHandle.fullFence();
    }

    @Override
    public void kick() {
        run.putByteVolatile(KvmRunLayout.IMMEDIATE_EXIT, (byte) 1);
        VarHandle.fullFence();
        final int target = threadId;
        if (target != 0) {
            KickSignal.send(target);
        }
    }

    @Override
    public boolean settle() {
        run.putByteVolatile(KvmRunLayout.IMMEDIATE_EXIT, (byte) 1);
        VarHandle.fullFence();
        // A string instruction may need further accesses, which nobody answers: its items stay what they were.
        for (int i = 0; i < MAX_AGAIN; i++) {
            if (Ioctl.run(fdNumber) < 0) {
                break;
            }
        }
        // immediate_exit stays set, so that a kick that came meanwhile is not lost: the next run() says KICKED.
        return true;
    }

    @Override
    public void setBootState(BootState state) {
        try (Arena scratch = Arena.ofConfined()) {
            final MemorySegment regs = scratch.allocate(REGS);
            final MemorySegment sregs = scratch.allocate(SREGS);
            fd.call(KvmIoctl.GET_SREGS, sregs);
            RegisterFile.write(state, regs, sregs);
            fd.call(KvmIoctl.SET_SREGS, sregs);
            fd.call(KvmIoctl.SET_REGS, regs);
        }
    }

    @Override
    public VcpuRegisters snapshot() {
        run.putLong(KvmRunLayout.VALID_REGS, KvmRunLayout.SYNC_REGS_BIT | KvmRunLayout.SYNC_SREGS_BIT);
        settle();
        run.putLong(KvmRunLayout.VALID_REGS, 0);
        return RegisterFile.read(
                index,
                page.asSlice(KvmRunLayout.SYNC_REGS, REGS.byteSize()),
                page.asSlice(KvmRunLayout.SYNC_SREGS, SREGS.byteSize()));
    }

    @Override
    public byte[] readLinear(long linearAddress, int lengthBytes) {
        final byte[] bytes = new byte[lengthBytes];
        int done = 0;
        while (done < lengthBytes) {
            final long physical = translate(linearAddress + done);
            final long inPage = 4096 - ((linearAddress + done) & 4095);
            final int chunk = (int) Math.min(inPage, lengthBytes - done);
            if (physical < 0 || !slots.read(physical, bytes, done, chunk)) {
                break;
            }
            done += chunk;
        }
        return Arrays.copyOf(bytes, done);
    }

    /** The guest-physical address, or a negative number where nothing is mapped. */
    private long translate(long linearAddress) {
        translation.set(JAVA_LONG, offset(TRANSLATION, "linear_address"), linearAddress);
        final int result = Ioctl.call(fdNumber, KvmIoctl.TRANSLATE, translation.address());
        if (result < 0 || translation.get(JAVA_BYTE, offset(TRANSLATION, "valid")) == 0) {
            return -1;
        }
        return translation.get(JAVA_LONG, offset(TRANSLATION, "physical_address"));
    }

    KvmFd fd() {
        return fd;
    }
}
