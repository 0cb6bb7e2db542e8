package io.jvmm.vcpu.x86;

import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.vcpu.board.E820;
import io.jvmm.vcpu.board.pci.PciRig;
import io.jvmm.vcpu.boot.BootException;
import io.jvmm.vcpu.boot.BootPlan;
import io.jvmm.vcpu.boot.FdImage;
import io.jvmm.vcpu.boot.FirmwareLoader;
import io.jvmm.vcpu.engine.Engine;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.Vcpu;
import io.jvmm.vcpu.kvm.KvmEngine;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Runs a PC's firmware with a PCI bus and the least of a board, in this one process: {@code FirmwareTrial kvm|x86 ROM [SECONDS]}. Prints what it
 * writes to COM1 and to its debug port.
 */
public final class FirmwareTrial {
    private static final long MEMORY_BYTES = 128L << 20;
    private static final int ROM_SLOT = 31;

    private FirmwareTrial() {}

    public static void main(String[] args) throws Exception {
        final long seconds = args.length > 2 ? Long.parseLong(args[2]) : 20;
        run(args[0].equals("kvm") ? kvm() : X86Engine.create(1), Path.of(args[1]), "\0", seconds, System.out);
        Runtime.getRuntime().halt(0);
    }

    static Engine kvm() {
        try (Fd kvm = FileIo.open(Path.of("/dev/kvm"), FileIo.READ_WRITE, 0)) {
            return KvmEngine.create(kvm, 1);
        }
    }

    /** What the firmware has printed when it has printed {@code until}, or the time is over. */
    static String run(Engine engine, Path rom, String until, long seconds, OutputStream copy)
            throws BootException, IOException {
        final MemFd memfd = MemFd.createSealed("guest", MEMORY_BYTES);
        final GuestMemory memory = GuestMemory.map(memfd.fd(), MEMORY_BYTES);
        final BootPlan plan;
        try (Fd image = FileIo.open(rom, FileIo.READ_ONLY, 0)) {
            plan = FirmwareLoader.load(FdImage.of(rom.toString(), image), E820.of(MEMORY_BYTES), memory::slice);
        }
        for (final GuestMemory.Region region : memory.regions()) {
            engine.mapMemory(0, region.guestPhysicalAddress(), region.lengthBytes(), memory.segment(region), false);
        }
        plan.rom()
                .ifPresent(r -> engine.mapMemory(
                        ROM_SLOT, FirmwareLoader.ROM_END - r.lengthBytes(), r.lengthBytes(), r.segment(), true));
        final Vcpu vcpu = engine.createVcpu(0);
        final ByteArrayOutputStream printed = new ByteArrayOutputStream();
        final EventFd serial = EventFd.create();
        engine.attachInterrupt(4, serial.fd(), null);
        final StubBoard board = new StubBoard(
                new OutputStream() {
                    @Override
                    public void write(int value) throws IOException {
                        printed.write(value);
                        copy.write(value);
                        copy.flush();
                    }
                },
                serial,
                false,
                MachineTime.real());
        board.tellMemory(MEMORY_BYTES);
        final PciRig rig = new PciRig(engine, 1).forFirmware();
        rig.plug(3, PciRig.function(0, 3, 2), PciRig.virtioCapabilities());
        rig.assemble().answering();
        board.joinedBy(rig.maps());
        vcpu.setBootState(plan.state());
        engine.prepare();
        final long deadlineNs = System.nanoTime() + seconds * 1_000_000_000L;
        final Thread clock = new Thread(() -> {
            while (System.nanoTime() < deadlineNs && !board.hasEnded()) {
                java.util.concurrent.locks.LockSupport.parkNanos(100_000_000L);
                vcpu.kick();
            }
            vcpu.kick();
        });
        clock.setDaemon(true);
        clock.start();
        while (System.nanoTime() < deadlineNs
                && !board.hasEnded()
                && !printed.toString(StandardCharsets.ISO_8859_1).contains(until)) {
            final ExitKind kind = vcpu.run();
            if (kind.isAccess()) {
                board.answer(kind, vcpu.exit());
            } else if (kind.isFatal()) {
                printed.writeBytes(("\n" + kind + " " + vcpu.exit().failure() + "\n"
                                + vcpu.snapshot().format())
                        .getBytes(StandardCharsets.ISO_8859_1));
                break;
            }
        }
        rig.close();
        return printed.toString(StandardCharsets.ISO_8859_1);
    }
}
