package io.jvmm.vcpu.main;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.vcpu.kvm.KvmProbe;
import io.jvmm.vcpu.x86.X86Engine;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.jspecify.annotations.Nullable;

/**
 * {@code --train} and {@code --train-x86}: the whole life of a vCPU process, READY to STOP, against a {@link ScratchPeer} in the same process and
 * without a jail, so that the AOT cache made of this run holds everything a real life loads. Also the smoke test of a build.
 */
final class Training {
    private static final long MEMORY_BYTES = 4 << 20;
    private static final int SECTOR_BYTES = 512;
    private static final long SPIN_NS = 20_000;
    private static final String CLASS = ".class";

    /**
     * A boot sector, real mode at 0000:7c00, that looks at the function in PCI slot 1, and whose second access to the device makes that power the
     * machine off.
     */
    private static final byte[] SECTOR = {
        0x66,
        (byte) 0xb8,
        0x00,
        0x08,
        0x00,
        (byte) 0x80, // mov eax, 0x80000800
        (byte) 0xba,
        (byte) 0xf8,
        0x0c, // mov dx, 0xcf8
        0x66,
        (byte) 0xef, // out dx, eax
        (byte) 0xba,
        (byte) 0xfc,
        0x0c, // mov dx, 0xcfc
        0x66,
        (byte) 0xed, // in eax, dx
        (byte) 0xe4,
        0x70, // in al, 0x70
        (byte) 0xe6,
        0x70, // out 0x70, al
        (byte) 0xfa, // cli
        (byte) 0xf4, // hlt
    };

    private Training() {}

    static ProcessExit run() {
        try (Fd kvm = FileIo.open(Path.of("/dev/kvm"), FileIo.READ_WRITE, 0)) {
            final ScratchPeer peer = live(kvm, Optional.empty(), _ -> {});
            System.out.print(peer.log());
            System.out.println("trained: guest " + peer.cause() + " after " + peer.reads() + " reads");
            return peer.cause() == StopCause.POWERED_OFF ? ProcessExit.STOPPED : ProcessExit.INTERNAL_ERROR;
        } catch (SysException.Missing | SysException.Denied e) {
            // The build works without KVM; the cache is then smaller and the start slower.
            System.out.println("trained without a guest, since there is no KVM here: " + e.getMessage());
            return ProcessExit.STOPPED;
        }
    }

    /**
     * The same with the software processor, whose instructions are hundreds of classes that a short life does not meet; and with
     * KVM where it is there, because the process that lives with this cache may have to choose.
     */
    static ProcessExit runSoftware() {
        final ScratchPeer peer = live(null, Optional.empty(), _ -> {});
        try (Fd kvm = FileIo.open(Path.of("/dev/kvm"), FileIo.READ_WRITE, 0)) {
            System.out.println("KVM: " + KvmProbe.obstacle(kvm).orElse("fit for a stock kernel"));
            live(kvm, Optional.empty(), _ -> {});
        } catch (SysException.Missing | SysException.Denied e) {
            System.out.println("trained without KVM: " + e.getMessage());
        }
        System.out.print(peer.log());
        System.out.println("trained: guest " + peer.cause() + " after " + peer.reads() + " reads; "
                + loadPackages(X86Engine.class) + " classes of the software processor");
        return peer.cause() == StopCause.POWERED_OFF ? ProcessExit.STOPPED : ProcessExit.INTERNAL_ERROR;
    }

    /** Loads every class of the jar that lies in the package of {@code root} or below; answers how many. */
    private static int loadPackages(Class<?> root) {
        final String prefix = root.getPackageName().replace('.', '/') + "/";
        final String jar =
                root.getProtectionDomain().getCodeSource().getLocation().getPath();
        if (!jar.endsWith(".jar")) {
            return 0;
        }
        int loaded = 0;
        try (JarFile file = new JarFile(jar)) {
            for (final JarEntry entry : Collections.list(file.entries())) {
                final String name = entry.getName();
                if (name.startsWith(prefix) && name.endsWith(CLASS) && !name.endsWith("-info.class")) {
                    Class.forName(
                            name.substring(0, name.length() - CLASS.length()).replace('/', '.'));
                    loaded++;
                }
            }
        } catch (IOException | ClassNotFoundException e) {
            throw new IllegalStateException("the jar of this program cannot be read: " + e.getMessage(), e);
        }
        return loaded;
    }

    /**
     * Lives.
     *
     * @param kvm null for a life with the software processor
     * @param narrowFilter installed for this whole process before READY; empty for none
     * @param afterwards called before anything is closed, which a filter would not let happen
     * @return the peer, after the process's life; its cause is null if the life ended another way than by STOP
     */
    static ScratchPeer live(@Nullable Fd kvm, Optional<byte[]> narrowFilter, Consumer<ScratchPeer> afterwards) {
        final EngineKind engine = kvm == null ? EngineKind.X86 : EngineKind.KVM;
        return live(
                record -> {
                    record.put("engine", engine.word());
                    if (kvm != null) {
                        record.fd("kvm", kvm);
                    }
                    narrowFilter.ifPresent(bytes -> record.put(EngineChoice.filterKey(engine), bytes));
                },
                narrowFilter.isPresent(),
                afterwards);
    }

    /**
     * Lives, with what {@code engine} puts into the boot record: the engine's word, its descriptor, its filter.
     *
     * @param filtered whether the filter is to be installed
     */
    static ScratchPeer live(Consumer<BootRecord.Builder> engine, boolean filtered, Consumer<ScratchPeer> afterwards) {
        try (UnixSocket.Pair control = UnixSocket.seqPacketPair();
                LinkMemory supervisorLink = LinkMemory.create(LinkSpec.supervisor());
                LinkMemory deviceLink = LinkMemory.create(LinkSpec.device(1));
                EventFd supervisorRequests = EventFd.create();
                EventFd supervisorEvents = EventFd.create();
                EventFd deviceRequests = EventFd.create();
                EventFd deviceEvents = EventFd.create();
                EventFd interrupt = EventFd.create();
                EventFd levelInterrupt = EventFd.create();
                EventFd resample = EventFd.create();
                EventFd vector = EventFd.create();
                EventFd otherVector = EventFd.create();
                EventFd pinInterrupt = EventFd.create();
                EventFd pinResample = EventFd.create();
                MemFd memory = MemFd.createSealed("training-memory", MEMORY_BYTES);
                MemFd kernel = sector()) {
            final BootRecord.Builder record = BootRecord.builder()
                    .fd("memory", memory.fd())
                    .fd("kernel", kernel.fd())
                    .fd("supervisor.link", supervisorLink.fd())
                    .fd("supervisor.request-doorbell", supervisorRequests.fd())
                    .fd("supervisor.event-doorbell", supervisorEvents.fd())
                    .fd("platform.link", deviceLink.fd())
                    .fd("platform.link.request-doorbell", deviceRequests.fd())
                    .fd("platform.link.event-doorbell", deviceEvents.fd())
                    .fd("platform.irq.0", interrupt.fd())
                    .fd("platform.irq.3", levelInterrupt.fd())
                    .fd("platform.resample.3", resample.fd())
                    .fd("platform.irq.4", vector.fd())
                    .fd("platform.irq.5", otherVector.fd())
                    .fd("platform.irq.6", pinInterrupt.fd())
                    .fd("platform.resample.6", pinResample.fd())
                    .put("process", "vcpu")
                    .put("vm", "training")
                    .put("jail", filtered ? "enforce" : "off")
                    .put("vcpus", 1)
                    .put("memory.bytes", MEMORY_BYTES)
                    .put("cmdline", "")
                    .put("kernel.name", "training sector")
                    .put("devices", "platform")
                    .put("platform.window.0", "pio:70:2")
                    .put("platform.irq.0", "gsi:8:edge")
                    .put("platform.irq.3", "gsi:9:level")
                    .put("platform.pci.0", "slot:1:line:4:vectors:2")
                    .put("wait.spin-ns", SPIN_NS)
                    .put("read-timeout-ns", 1_000_000_000L);
            engine.accept(record);
            BootChannel.over(control.left().fd().duplicate()).send(record.build());
            final ScratchPeer peer = new ScratchPeer(
                    new ScratchPeer.Links(
                            supervisorLink,
                            supervisorRequests,
                            supervisorEvents,
                            deviceLink,
                            deviceRequests,
                            deviceEvents),
                    ScratchPeer.Manner.LIFE);
            final Thread other = new Thread(peer, "training-peer");
            other.setDaemon(true);
            other.start();
            final ProcessExit code =
                    VcpuMain.run(BootChannel.over(control.right().fd().duplicate()));
            if (code != ProcessExit.STOPPED) {
                peer.abandon();
            }
            join(other);
            afterwards.accept(peer);
            return peer;
        }
    }

    private static MemFd sector() {
        final MemFd file = MemFd.createSealed("training-sector", SECTOR_BYTES);
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment bytes = arena.allocate(SECTOR_BYTES);
            MemorySegment.copy(SECTOR, 0, bytes, ValueLayout.JAVA_BYTE, 0, SECTOR.length);
            bytes.set(ValueLayout.JAVA_BYTE, SECTOR_BYTES - 2, (byte) 0x55);
            bytes.set(ValueLayout.JAVA_BYTE, SECTOR_BYTES - 1, (byte) 0xaa);
            FileIo.writeFully(file.fd(), bytes);
        }
        return file;
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException("nobody interrupts the main thread", e);
        }
    }
}
