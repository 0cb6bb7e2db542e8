package io.jvmm.vcpu.x86;

import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.vcpu.board.AcpiConfig;
import io.jvmm.vcpu.board.AcpiTables;
import io.jvmm.vcpu.board.E820;
import io.jvmm.vcpu.board.pci.PciRig;
import io.jvmm.vcpu.boot.BootException;
import io.jvmm.vcpu.boot.BootLoader;
import io.jvmm.vcpu.boot.BootPlan;
import io.jvmm.vcpu.boot.BootRequest;
import io.jvmm.vcpu.boot.FdImage;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.Vcpu;
import io.jvmm.vcpu.engine.VcpuRegisters;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Boots a kernel on the software processor in this one process: no jail, no supervisor, a {@link StubBoard} for devices. For people.
 *
 * <pre>
 *   X86Boot [options] KERNEL [INITRD] [-- COMMAND LINE...]
 *     --memory=MB      RAM (256)            --vcpus=N      processors (1)
 *     --stop=N         end after N instructions of vCPU 0 (k, m, g)
 *     --counted        time is the number of instructions: every run is alike (one vCPU)
 *     --progress=S     every S seconds: instructions, rate, rip (to standard error)
 *     --sample=MS      every MS milliseconds the rip of vCPU 0; the most frequent at the end
 *     --dump=A:N       at the end: N bytes at linear address A (hexadecimal, or gdt), may be repeated
 *     --until=TEXT     end when the guest has printed TEXT
 *     --pci           a PCI bus with a device that a thread plays
 *     --unclaimed      tell accesses that nobody answers
 *     --plan           print the loader's plan
 * </pre>
 *
 * At its end, and on a crash: registers, the code at rip, and the figures.
 */
final class X86Boot {
    static final String COMMAND_LINE = "console=ttyS0 earlyprintk=serial,ttyS0,115200 panic=-1";
    private static final int CODE_BYTES = 32;
    private static final int HOTTEST = 40;

    private final List<String> files = new ArrayList<>();
    private String commandLine = COMMAND_LINE;
    private long memoryBytes = 256L << 20;
    private int vcpuCount = 1;
    private long stopAfter = Long.MAX_VALUE;
    private boolean counted;
    private int progressS;
    private int sampleMs;
    private final List<String> dumps = new ArrayList<>();
    private String until = "";
    private boolean unclaimed;
    private boolean plan;
    private boolean pci;
    private volatile boolean ending;

    private X86Boot() {}

    public static void main(String[] args) throws Exception {
        final X86Boot boot = new X86Boot();
        boot.parse(args);
        boot.run();
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    private void parse(String[] args) {
        for (int i = 0; i < args.length; i++) {
            final String arg = args[i];
            final String value = arg.substring(arg.indexOf('=') + 1);
            if (arg.equals("--")) {
                commandLine = String.join(" ", List.of(args).subList(i + 1, args.length));
                break;
            } else if (arg.startsWith("--memory=")) {
                memoryBytes = Long.parseLong(value) << 20;
            } else if (arg.startsWith("--vcpus=")) {
                vcpuCount = Integer.parseInt(value);
            } else if (arg.startsWith("--stop=")) {
                stopAfter = number(value);
            } else if (arg.equals("--counted")) {
                counted = true;
            } else if (arg.startsWith("--progress=")) {
                progressS = Integer.parseInt(value);
            } else if (arg.startsWith("--sample=")) {
                sampleMs = Integer.parseInt(value);
            } else if (arg.startsWith("--dump=")) {
                dumps.add(value);
            } else if (arg.startsWith("--until=")) {
                until = value;
            } else if (arg.equals("--unclaimed")) {
                unclaimed = true;
            } else if (arg.equals("--pci")) {
                pci = true;
            } else if (arg.equals("--plan")) {
                plan = true;
            } else if (arg.startsWith("--")) {
                throw new IllegalArgumentException(arg);
            } else {
                files.add(arg);
            }
        }
        if (files.isEmpty() || files.size() > 2) {
            throw new IllegalArgumentException("X86Boot [options] KERNEL [INITRD] [-- COMMAND LINE...]");
        }
    }

    static long number(String text) {
        final int last = "kmg".indexOf(text.toLowerCase(Locale.ROOT).charAt(text.length() - 1));
        final long value = Long.parseLong(last < 0 ? text : text.substring(0, text.length() - 1));
        return last < 0 ? value : value * (long) Math.pow(1000, last + 1);
    }

    private void run() throws IOException, BootException {
        final long beginNs = System.nanoTime();
        final MemFd memfd = MemFd.createSealed("guest", memoryBytes);
        final GuestMemory memory = GuestMemory.map(memfd.fd(), memoryBytes);
        final BootPlan bootPlan = load(memory, memoryBytes, vcpuCount, files, commandLine);
        if (plan) {
            System.err.print(bootPlan.format(""));
        }
        final X86Engine engine = counted ? X86Engine.createDeterministic() : X86Engine.create(vcpuCount);
        int slot = 0;
        for (final GuestMemory.Region region : memory.regions()) {
            engine.mapMemory(
                    slot++, region.guestPhysicalAddress(), region.lengthBytes(), memory.segment(region), false);
        }
        final List<Vcpu> vcpus = new ArrayList<>();
        for (int i = 0; i < vcpuCount; i++) {
            vcpus.add(engine.createVcpu(i));
        }
        final EventFd serial = EventFd.create();
        engine.attachInterrupt(4, serial.fd(), null);
        final StubBoard board = new StubBoard(watched(), serial, unclaimed, MachineTime.real());
        if (pci) {
            final PciRig rig = new PciRig(engine, vcpuCount);
            rig.plug(3, PciRig.function(0, 3, 1), PciRig.virtioCapabilities());
            rig.assemble();
            rig.answering();
            board.joinedBy(rig.maps());
        }
        vcpus.getFirst().setBootState(bootPlan.state());
        engine.prepare();
        daemon("stdin", () -> {
            try {
                board.pump(System.in);
            } catch (IOException e) {
                System.err.println(e.getMessage());
            }
        });
        final Monitor monitor = new Monitor(engine, vcpus, beginNs);
        daemon("monitor", monitor);
        final long startNs = System.nanoTime();
        for (int i = 1; i < vcpuCount; i++) {
            final Vcpu vcpu = vcpus.get(i);
            daemon("vcpu-" + i, () -> serve(vcpu, board));
        }
        serve(vcpus.getFirst(), board);
        final double seconds = (System.nanoTime() - startNs) / 1e9;
        System.out.flush();
        long retired = 0;
        for (int i = 0; i < vcpuCount; i++) {
            retired += engine.cpu(i).retired;
        }
        System.err.printf(
                "%n%,d instructions in %.2f s: %.1f MIPS; %.2f s of CPU for vCPU 0, %.2f s for the process; loading took %.2f s%n",
                retired,
                seconds,
                retired / seconds / 1e6,
                ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() / 1e9,
                ProcessHandle.current()
                                .info()
                                .totalCpuDuration()
                                .orElse(Duration.ZERO)
                                .toMillis()
                        / 1e3,
                (startNs - beginNs) / 1e9);
        System.err.print(vcpus.getFirst().snapshot().format());
        monitor.printHottest();
        for (final String dump : dumps) {
            final String[] parts = dump.split(":", -1);
            final long address = parts[0].equals("gdt") ? engine.cpu(0).gdtBase : Long.parseUnsignedLong(parts[0], 16);
            dump(vcpus.getFirst(), address, Integer.decode(parts[1]));
        }
    }

    private static void dump(Vcpu vcpu, long address, int lengthBytes) {
        final byte[] bytes = vcpu.readLinear(address, lengthBytes);
        for (int i = 0; i < bytes.length; i++) {
            if (i % 16 == 0) {
                System.err.printf("%n%016x ", address + i);
            }
            System.err.printf(" %02x", bytes[i]);
        }
        System.err.println();
    }

    /** Puts the tables, the kernel and the initramfs ({@code files}) where a boot finds them. */
    static BootPlan load(GuestMemory memory, long memoryBytes, int vcpuCount, List<String> files, String commandLine)
            throws BootException {
        AcpiTables.of(new AcpiConfig(vcpuCount, List.of(new AcpiConfig.ComPort(0x3f8, 4)), true))
                .writeTo(memory);
        final Fd kernel = FileIo.open(Path.of(files.get(0)), FileIo.READ_ONLY, 0);
        final FdImage initrd =
                files.size() < 2 ? null : FdImage.of("initrd", FileIo.open(Path.of(files.get(1)), FileIo.READ_ONLY, 0));
        return BootLoader.load(new BootRequest(
                FdImage.of("kernel", kernel),
                initrd,
                commandLine,
                E820.of(memoryBytes),
                memory::slice,
                AcpiTables.RSDP_ADDRESS,
                BootRequest.Protocol.AUTO));
    }

    private void serve(Vcpu vcpu, StubBoard board) {
        while (!ending) {
            final ExitKind kind = vcpu.run();
            if (kind.isAccess()) {
                board.answer(kind, vcpu.exit());
                ending |= board.hasEnded();
            } else if (kind.isFatal()) {
                ending = true;
                System.out.flush();
                System.err.println(
                        "vcpu " + vcpu.index() + ": " + kind + " " + vcpu.exit().failure());
                final VcpuRegisters registers = vcpu.snapshot();
                System.err.println(registers.format() + code(vcpu, registers.linearRip()));
            }
        }
    }

    private static String code(Vcpu vcpu, long linear) {
        final StringBuilder b = new StringBuilder("  code  ");
        for (final byte value : vcpu.readLinear(linear, CODE_BYTES)) {
            b.append(String.format("%02x ", value));
        }
        return b.toString();
    }

    /** Standard output; ends the run when {@link #until} has been printed. */
    private PrintStream watched() {
        if (until.isEmpty()) {
            return System.out;
        }
        return new PrintStream(System.out) {
            private final StringBuilder tail = new StringBuilder();

            @Override
            public void write(int value) {
                super.write(value);
                if (value == '\n') {
                    flush();
                }
                tail.append((char) value);
                if (tail.length() > until.length()) {
                    tail.deleteCharAt(0);
                }
                ending |= tail.toString().equals(until);
            }
        };
    }

    private static void daemon(String name, Runnable life) {
        final Thread thread = new Thread(life, name);
        thread.setDaemon(true);
        thread.start();
    }

    /** Looks at vCPU 0 from outside: racy reads of its registers, good enough to see where it is. */
    private final class Monitor implements Runnable {
        private final X86Engine engine;
        private final List<Vcpu> vcpus;
        private final long beginNs;
        private final Map<Long, Integer> samples = new HashMap<>();

        Monitor(X86Engine engine, List<Vcpu> vcpus, long beginNs) {
            this.engine = engine;
            this.vcpus = vcpus;
            this.beginNs = beginNs;
        }

        @Override
        public void run() {
            long before = 0;
            long nextNs = System.nanoTime();
            final int stepMs = sampleMs > 0 ? sampleMs : 20;
            while (!ending) {
                try {
                    Thread.sleep(stepMs);
                } catch (InterruptedException e) {
                    return;
                }
                final var cpu = engine.cpu(0);
                if (sampleMs > 0) {
                    synchronized (samples) {
                        samples.merge(cpu.blockRip, 1, Integer::sum);
                    }
                }
                if (cpu.retired >= stopAfter) {
                    ending = true;
                    vcpus.forEach(Vcpu::kick);
                }
                final long now = System.nanoTime();
                if (progressS > 0 && now >= nextNs) {
                    System.err.printf(
                            "[%6.1f s  %,15d instructions  %6.1f MIPS  rip %x%s]%n",
                            (now - beginNs) / 1e9,
                            cpu.retired,
                            (cpu.retired - before) / (progressS * 1e6),
                            cpu.blockRip,
                            cpu.halted ? "  halted" : "");
                    before = cpu.retired;
                    nextNs = now + progressS * 1_000_000_000L;
                }
            }
        }

        void printHottest() {
            synchronized (samples) {
                samples.entrySet().stream()
                        .sorted(Map.Entry.<Long, Integer>comparingByValue().reversed())
                        .limit(HOTTEST)
                        .forEach(e -> System.err.printf("%6d  %x%n", e.getValue(), e.getKey()));
            }
        }
    }
}
