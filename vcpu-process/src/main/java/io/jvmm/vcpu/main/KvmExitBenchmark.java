package io.jvmm.vcpu.main;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.vcpu.engine.BootState;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.ExitView;
import io.jvmm.vcpu.engine.Vcpu;
import io.jvmm.vcpu.kvm.KvmEngine;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What a KVM exit costs by itself, with no device behind it: the floor under every figure of a register access.
 *
 * <pre>java -cp ... io.jvmm.vcpu.main.KvmExitBenchmark [exits per round, default 50000]</pre>
 *
 * Each row is the best and the median of several rounds on one machine; compare rows of one run only.
 */
public final class KvmExitBenchmark {
    private static final int ROUNDS = 7;
    private static final int CODE = 0x1000;
    private static final int RAM_BYTES = 256 << 10;
    private static final int KICKS = 2_000;
    private static final int INTERRUPTS = 1_000;

    private KvmExitBenchmark() {}

    /** A guest that exits as fast as it can. */
    private enum Loop {
        PIO_WRITE("OUT DX, AL", true, "ba 00 06 ee eb fd"),
        PIO_READ("IN AL, DX", true, "ba 00 06 ec eb fd"),
        PIO_WRITE_32("OUT DX, AL (protected mode)", false, "66 ba 00 06 ee eb fd"),
        MMIO_WRITE("MOV [mmio], EAX", false, "a3 00 00 00 d0 eb f9"),
        MMIO_READ("MOV EAX, [mmio]", false, "a1 00 00 00 d0 eb f9");

        private final String label;
        private final boolean real;
        private final String code;

        Loop(String label, boolean real, String code) {
            this.label = label;
            this.real = real;
            this.code = code;
        }

        BootState state() {
            return real ? BootState.real(0, CODE) : BootState.pvh(CODE, 0, 0, 0);
        }
    }

    public static void main(String[] args) throws InterruptedException {
        final int exits = args.length > 0 ? Integer.parseInt(args[0]) : 50_000;
        System.out.printf(
                Locale.ROOT, "%-34s %12s %12s %14s%n", "KVM exit alone", "best ns", "median ns", "exits/s (best)");
        try {
            for (Loop loop : Loop.values()) {
                final long[] nanoseconds = measure(loop, exits);
                System.out.printf(
                        Locale.ROOT,
                        "%-34s %12d %12d %14d%n",
                        loop.label,
                        nanoseconds[0],
                        nanoseconds[ROUNDS / 2],
                        1_000_000_000L / Math.max(nanoseconds[0], 1));
            }
            System.out.println();
            System.out.printf(Locale.ROOT, "%-34s %12s %12s %14s%n", "latency", "p50 ns", "p99 ns", "max ns");
            percentiles("kick of a spinning vCPU", kicks());
            percentiles("irqfd to a halted vCPU's handler", interrupts());
        } catch (SysException e) {
            System.err.println("KvmExitBenchmark: " + e.getMessage());
            Runtime.getRuntime().exit(ProcessExit.HOST_ERROR.code());
        }
    }

    /** Nanoseconds an exit, one value a round, sorted. */
    private static long[] measure(Loop loop, int exits) {
        final long[] rounds = new long[ROUNDS];
        try (Guest guest = new Guest(loop.state(), loop.code)) {
            guest.exits(exits);
            for (int i = 0; i < ROUNDS; i++) {
                final long before = System.nanoTime();
                guest.exits(exits);
                rounds[i] = (System.nanoTime() - before) / exits;
            }
        }
        Arrays.sort(rounds);
        return rounds;
    }

    /** From {@link Vcpu#kick()} to {@link ExitKind#KICKED} in the vCPU's thread. */
    private static long[] kicks() throws InterruptedException {
        final AtomicLong kickedNs = new AtomicLong();
        final AtomicLong left = new AtomicLong(KICKS);
        final long[] latencies = new long[KICKS];
        try (Guest guest = new Guest(BootState.real(0, CODE), "eb fe")) {
            final Thread runner = new Thread(
                    () -> {
                        while (left.get() > 0) {
                            guest.vcpu.run();
                            kickedNs.set(System.nanoTime());
                        }
                    },
                    "guest");
            runner.start();
            for (int i = 0; i < KICKS; i++) {
                kickedNs.set(0);
                final long before = System.nanoTime();
                guest.vcpu.kick();
                while (kickedNs.get() == 0) {
                    Thread.onSpinWait();
                }
                latencies[i] = kickedNs.get() - before;
            }
            left.set(0);
            guest.vcpu.kick();
            runner.join();
        }
        return latencies;
    }

    /** From the write to the eventfd to the handler's first instruction that exits; wakes a sleeping thread each time. */
    private static long[] interrupts() throws InterruptedException {
        final AtomicLong arrivedNs = new AtomicLong();
        final AtomicLong left = new AtomicLong(INTERRUPTS);
        final long[] latencies = new long[INTERRUPTS];
        // 8259 at vector 8, IRQ 4 unmasked, idle; the handler writes port 81, ends the interrupt, returns.
        final String setup = "fa b011e620 b008e621 b004e621 b001e621 b0efe621 fb e680 f4 ebfd";
        try (Guest guest = new Guest(BootState.real(0, CODE), setup);
                EventFd line = EventFd.create()) {
            guest.put(4 * 0x0c, "00110000");
            guest.put(0x1100, "e681 b020e620 cf");
            guest.engine.attachInterrupt(4, line.fd(), null);
            guest.exits(1);
            final Thread runner = new Thread(
                    () -> {
                        while (left.get() > 0) {
                            if (guest.vcpu.run() == ExitKind.PIO_WRITE) {
                                arrivedNs.set(System.nanoTime());
                                left.decrementAndGet();
                            }
                        }
                    },
                    "guest");
            runner.start();
            for (int i = 0; i < INTERRUPTS; i++) {
                Thread.sleep(0, 300_000);
                arrivedNs.set(0);
                final long before = System.nanoTime();
                line.signal();
                while (arrivedNs.get() == 0) {
                    Thread.onSpinWait();
                }
                latencies[i] = arrivedNs.get() - before;
            }
            runner.join();
        }
        return latencies;
    }

    private static void percentiles(String label, long[] latencies) {
        Arrays.sort(latencies);
        System.out.printf(
                Locale.ROOT,
                "%-34s %12d %12d %14d%n",
                label,
                latencies[latencies.length / 2],
                latencies[latencies.length * 99 / 100],
                latencies[latencies.length - 1]);
    }

    private static final class Guest implements AutoCloseable {
        private final Mapping ram = Mapping.anonymous(RAM_BYTES);
        private final KvmEngine engine;
        private final Vcpu vcpu;

        Guest(BootState state, String code) {
            try (Fd kvm = FileIo.open(Path.of("/dev/kvm"), FileIo.READ_WRITE, 0)) {
                engine = KvmEngine.create(kvm, 1);
            }
            engine.mapMemory(0, 0, RAM_BYTES, ram.segment(), false);
            vcpu = engine.createVcpu(0);
            put(CODE, code);
            vcpu.setBootState(state);
        }

        void put(int address, String code) {
            final byte[] bytes = HexFormat.of().parseHex(code.replace(" ", ""));
            MemorySegment.copy(bytes, 0, ram.segment(), ValueLayout.JAVA_BYTE, address, bytes.length);
        }

        /** Handles so many device accesses. */
        long exits(int count) {
            final ExitView exit = vcpu.exit();
            long sum = 0;
            for (int i = 0; i < count; i++) {
                switch (vcpu.run()) {
                    case PIO_READ, MMIO_READ -> exit.complete(0, i);
                    case PIO_WRITE, MMIO_WRITE -> sum += exit.address() + exit.value(0);
                    case KICKED -> i--;
                    case HALTED, SHUTDOWN, EMULATION_FAILURE, INTERNAL_ERROR ->
                        throw new IllegalStateException("the guest died: " + exit.failure());
                }
            }
            return sum;
        }

        @Override
        public void close() {
            engine.close();
            ram.close();
        }
    }
}
