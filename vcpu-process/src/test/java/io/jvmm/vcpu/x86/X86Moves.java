package io.jvmm.vcpu.x86;

import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.vcpu.boot.BootException;
import io.jvmm.vcpu.boot.BootPlan;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.Vcpu;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Boots a kernel whose machine moves: again and again every vCPU is paused, the engine's state saved, the engine closed, and another one
 * loaded with that over the same memory. In real time and with real threads, where {@link X86LockStep} with {@code --replace} has neither.
 * For people: the guest must not notice.
 *
 * <pre>
 *   X86Moves VCPUS MILLISECONDS KERNEL INITRD
 * </pre>
 */
final class X86Moves {
    private static final int SERIAL_GSI = 4;
    private static final long MEMORY_BYTES = 256L << 20;

    private final int vcpuCount;
    private final GuestMemory memory;
    private final EventFd serial = EventFd.create();
    private final StubBoard board;
    private volatile boolean pausing;
    private volatile boolean failed;
    private X86Engine engine;
    private final List<Vcpu> vcpus = new ArrayList<>();

    private X86Moves(int vcpuCount, List<String> files) throws BootException {
        this.vcpuCount = vcpuCount;
        this.memory = GuestMemory.map(MemFd.createSealed("guest", MEMORY_BYTES).fd(), MEMORY_BYTES);
        final BootPlan plan = X86Boot.load(memory, MEMORY_BYTES, vcpuCount, files, X86Boot.COMMAND_LINE);
        this.engine = build(null);
        this.board = new StubBoard(
                System.out, serial, false, () -> engine.cpu(0).time.nowNs());
        vcpus.getFirst().setBootState(plan.state());
    }

    public static void main(String[] args) throws Exception {
        final X86Moves it =
                new X86Moves(Integer.parseInt(args[0]), List.of(args).subList(2, args.length));
        final int moves = it.run(Integer.parseInt(args[1]));
        System.out.flush();
        System.err.printf("%n%d moves; %s%n", moves, it.failed ? "FAILED" : "the guest has ended the machine");
        Runtime.getRuntime().halt(it.failed ? 1 : 0);
    }

    private X86Engine build(@Nullable MemorySegment state) {
        final X86Engine made = X86Engine.create(vcpuCount);
        int slot = 0;
        for (final GuestMemory.Region region : memory.regions()) {
            made.mapMemory(slot++, region.guestPhysicalAddress(), region.lengthBytes(), memory.segment(region), false);
        }
        vcpus.clear();
        for (int i = 0; i < vcpuCount; i++) {
            vcpus.add(made.createVcpu(i));
        }
        made.attachInterrupt(SERIAL_GSI, serial.fd(), null);
        if (state != null) {
            made.loadState(state);
        }
        made.prepare();
        return made;
    }

    private int run(int milliseconds) throws InterruptedException {
        for (int moves = 0; ; moves++) {
            pausing = false;
            final List<Thread> threads = new ArrayList<>();
            for (final Vcpu vcpu : vcpus) {
                threads.add(Thread.ofPlatform().start(() -> serve(vcpu)));
            }
            for (int i = 0; i < milliseconds && !hasEnded(); i++) {
                Thread.sleep(1);
            }
            pausing = true;
            vcpus.forEach(Vcpu::kick);
            for (final Thread thread : threads) {
                thread.join();
            }
            if (hasEnded()) {
                return moves;
            }
            final MemorySegment state = MemorySegment.ofArray(new byte[engine.stateLengthBytes()]);
            engine.saveState(state);
            engine.close();
            engine = build(state);
        }
    }

    private boolean hasEnded() {
        return failed || board.hasEnded();
    }

    private void serve(Vcpu vcpu) {
        while (!pausing && !hasEnded()) {
            answer(vcpu);
        }
        while (!hasEnded() && !vcpu.settle()) {
            answer(vcpu);
        }
    }

    private void answer(Vcpu vcpu) {
        final ExitKind kind = vcpu.run();
        if (kind.isAccess()) {
            board.answer(kind, vcpu.exit());
        } else if (kind.isFatal()) {
            failed = true;
            System.err.println(
                    "vcpu " + vcpu.index() + ": " + kind + " " + vcpu.exit().failure());
            System.err.println(vcpu.snapshot().format());
        }
    }
}
