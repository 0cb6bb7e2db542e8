package io.jvmm.vcpu.kvm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.vcpu.engine.BootState;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.Vcpu;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Whether this host's KVM can run a stock kernel: a small guest does in ring 0 of long mode what every kernel does (an
 * exception and IRETQ, SSE and x87 arithmetic). Software KVMs for nested clouds offer the whole interface and lack these. Takes some
 * milliseconds, before the jail closes.
 */
public final class KvmProbe {
    private static final int RAM_BYTES = 64 << 10;
    private static final int CODE = 0x1000;
    private static final int HANDLER = CODE + 0x80;
    private static final int PML4 = 0x2000;
    private static final int DIRECTORY_POINTERS = 0x3000;
    private static final int DIRECTORY = 0x4000;
    private static final int GDT = 0x5000;
    private static final int GDT_ENTRIES = 4;
    private static final int IDT = 0x6000;
    private static final int IDT_REGISTER = 0x6ff0;
    private static final int STACK_TOP = 0xf000;
    private static final int BREAKPOINT = 3;

    private static final int RESULT_PORT = 0xf4;
    /** 1 + 1 by SSE2 (the 1 counted by the breakpoint's handler), and 1 + 1 by x87, added up. */
    private static final int RIGHT_RESULT = 4;

    private static final long PRESENT_WRITABLE = 3;
    private static final long LARGE_PAGE = 0x83;
    private static final long CODE_64 = 0x00af_9b00_0000_ffffL;
    private static final long DATA = 0x00cf_9300_0000_ffffL;
    private static final long INTERRUPT_GATE = 0x8e00L << 32;

    private static final long PATIENCE_MS = 1_000;
    private static final int MOST_KICKS = 8;

    private static final byte[] MAIN = HexFormat.of()
            .parseHex(
                    "0f011c25f06f0000" // lidt [6ff0]
                            + "0f20e0" + "0d00060000" + "0f22e0" // cr4 |= OSFXSR | OSXMMEXCPT
                            + "0f20c0" + "83e0fb" + "83c802" + "0f22c0" // cr0: not EM, but MP
                            + "31db" // xor ebx, ebx
                            + "cc" // int3
                            + "660f6ec3" + "660ffec0" + "660f7ec0" // eax = ebx + ebx, by movd and paddd
                            + "dbe3" + "d9e8" + "d8c0" + "db1c2500700000" + "9b" // fninit; [7000] = 1 + 1; fwait
                            + "03042500700000" // add eax, [7000]
                            + "e6f4" // out f4, al
                            + "f4"); // hlt

    private static final byte[] BREAKPOINT_HANDLER = HexFormat.of().parseHex("ffc3" + "48cf"); // inc ebx; iretq

    private KvmProbe() {}

    /**
     * Why a stock kernel cannot run here; empty when it can.
     *
     * @param kvm /dev/kvm; stays the caller's
     */
    public static Optional<String> obstacle(Fd kvm) {
        try (Mapping ram = Mapping.anonymous(RAM_BYTES);
                KvmEngine engine = KvmEngine.create(kvm, 1)) {
            engine.mapMemory(0, 0, RAM_BYTES, ram.segment(), false);
            fill(ram.segment());
            final Vcpu vcpu = engine.createVcpu(0);
            vcpu.setBootState(BootState.linux64(CODE, 0, STACK_TOP, PML4, GDT, GDT_ENTRIES * Long.BYTES - 1));
            engine.prepare();
            return run(vcpu);
        } catch (SysException e) {
            return Optional.of("this KVM does not work: " + e.getMessage());
        }
    }

    private static void fill(MemorySegment ram) {
        put(ram, CODE, MAIN);
        put(ram, HANDLER, BREAKPOINT_HANDLER);
        ram.set(JAVA_LONG, PML4, DIRECTORY_POINTERS | PRESENT_WRITABLE);
        ram.set(JAVA_LONG, DIRECTORY_POINTERS, DIRECTORY | PRESENT_WRITABLE);
        ram.set(JAVA_LONG, DIRECTORY, LARGE_PAGE);
        ram.set(JAVA_LONG, GDT + BootState.CODE_SELECTOR, CODE_64);
        ram.set(JAVA_LONG, GDT + BootState.DATA_SELECTOR, DATA);
        ram.set(JAVA_LONG, IDT + 16 * BREAKPOINT, HANDLER | (long) BootState.CODE_SELECTOR << 16 | INTERRUPT_GATE);
        // Limit and base, ten bytes: the limit and the low part of the base lie in the first eight.
        ram.set(JAVA_LONG, IDT_REGISTER, 0xfff | (long) IDT << 16);
    }

    private static void put(MemorySegment ram, int address, byte[] bytes) {
        MemorySegment.copy(bytes, 0, ram, JAVA_BYTE, address, bytes.length);
    }

    /** A guest that hangs is kicked out after a while: by a thread that ends with this method. */
    private static Optional<String> run(Vcpu vcpu) {
        vcpu.bind();
        final CountDownLatch answered = new CountDownLatch(1);
        final Thread guard =
                Thread.ofPlatform().daemon().name("kvm-probe-guard").start(() -> kickUnless(answered, vcpu));
        try {
            return verdict(vcpu, vcpu.run());
        } finally {
            answered.countDown();
            join(guard);
        }
    }

    private static void kickUnless(CountDownLatch answered, Vcpu vcpu) {
        try {
            // A kick that comes just before KVM_RUN is not lost, but one is never enough to be sure of an emulator.
            long patienceMs = PATIENCE_MS;
            for (int i = 0; i < MOST_KICKS && !answered.await(patienceMs, TimeUnit.MILLISECONDS); i++) {
                vcpu.kick();
                patienceMs = 1;
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException("nobody interrupts the guard", e);
        }
    }

    private static Optional<String> verdict(Vcpu vcpu, ExitKind kind) {
        return switch (kind) {
            case PIO_WRITE ->
                vcpu.exit().address() == RESULT_PORT && vcpu.exit().value(0) == RIGHT_RESULT
                        ? Optional.empty()
                        : Optional.of("this KVM's ring 0 computes wrongly");
            case EMULATION_FAILURE -> Optional.of("this KVM emulates ring 0 and lacks what a kernel needs there");
            case KICKED -> Optional.of("this KVM's ring 0 hangs");
            case SHUTDOWN, HALTED, INTERNAL_ERROR, PIO_READ, MMIO_READ, MMIO_WRITE ->
                Optional.of("this KVM's ring 0 does not do what a processor does ("
                        + kind.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' ') + ")");
        };
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException("nobody interrupts the main thread", e);
        }
    }
}
