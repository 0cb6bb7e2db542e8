package io.jvmm.vcpu.main;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootFormatException;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.link.LinkFormatException;
import io.jvmm.ipc.message.FilterHash;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.state.StateFormatException;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.ProbeRunner;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.policy.sys.Seccomp;
import io.jvmm.vcpu.board.AcpiTables;
import io.jvmm.vcpu.board.Board;
import io.jvmm.vcpu.board.E820;
import io.jvmm.vcpu.board.FirmwareFiles;
import io.jvmm.vcpu.board.MachineState;
import io.jvmm.vcpu.board.VcpuStartException;
import io.jvmm.vcpu.boot.BootException;
import io.jvmm.vcpu.boot.BootLoader;
import io.jvmm.vcpu.boot.BootPlan;
import io.jvmm.vcpu.boot.BootRequest;
import io.jvmm.vcpu.boot.FdImage;
import io.jvmm.vcpu.boot.FirmwareLoader;
import io.jvmm.vcpu.boot.Image;
import io.jvmm.vcpu.engine.Engine;
import io.jvmm.vcpu.engine.Vcpu;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The life of the vCPU process. {@link #live} is all of it, a line a stage.
 *
 * <p>Started by the supervisor inside its jail with the control socket as descriptor 3 and nothing else. Kernel images are
 * hostile; so is the guest; so are the devices. {@code --train} and {@code --train-x86} run the same life against a peer in this
 * process, for the AOT caches that the build makes: one for each engine.
 */
public final class VcpuMain {
    private static final int CONTROL_FD = 3;
    private static final long BOOT_RECORD_TIMEOUT_NS = 30_000_000_000L;
    private static final int HASH_BYTES = 32;

    private VcpuMain() {}

    /** The filter could not be installed: told apart from what else the host may refuse. */
    private static final class JailFailure extends RuntimeException {
        private static final long serialVersionUID = 1L;

        JailFailure(SysException cause) {
            super(cause.getMessage(), cause);
        }
    }

    public static void main(String[] args) {
        final ProcessExit code;
        if (args.length == 1 && args[0].equals("--train")) {
            code = Training.run();
        } else if (args.length == 1 && args[0].equals("--train-x86")) {
            code = Training.runSoftware();
        } else if (args.length == 0) {
            code = run(BootChannel.over(Fd.of(CONTROL_FD)));
        } else {
            code = complain(
                    ProcessExit.BAD_CONFIGURATION, "no arguments are taken; the supervisor starts this program");
        }
        // Not exit(): that runs hooks and opens files, which the narrow filter answers with death.
        Runtime.getRuntime().halt(code.code());
    }

    /** The life, with every way it can go wrong turned into a line on standard error and an exit code. */
    static ProcessExit run(BootChannel control) {
        try {
            return live(control);
        } catch (BootFormatException | SysException.TimedOut e) {
            return complain(ProcessExit.BOOT_FAILED, message(e));
        } catch (BootException | LinkFormatException | IllegalArgumentException e) {
            return complain(ProcessExit.BAD_CONFIGURATION, message(e));
        } catch (SysException | VcpuStartException e) {
            return complain(ProcessExit.HOST_ERROR, message(e));
        } catch (StateFormatException e) {
            return complain(ProcessExit.STATE_REJECTED, message(e));
        } catch (JailFailure e) {
            return complain(ProcessExit.JAIL_FAILED, message(e));
        } catch (RuntimeException | Error e) {
            e.printStackTrace();
            return ProcessExit.INTERNAL_ERROR;
        }
    }

    private static ProcessExit live(BootChannel control) throws BootException {
        final BootRecord record = control.receive(BOOT_RECORD_TIMEOUT_NS);
        final StageClock clock = new StageClock();
        final VcpuConfig config = VcpuConfig.from(record);
        final Wiring wiring = Wiring.attach(record, config);
        clock.mark("links");
        final EngineChoice choice = EngineChoice.make(record, config);
        choice.announce(config, wiring.supervisor());
        clock.mark("engine");
        final GuestLoad load = GuestLoad.start(() -> loadGuest(record, config, wiring));
        WarmUp.run(() -> choice.create(record, 1), config.spinNs());
        clock.mark("warm-up");
        final BootPlan plan = load.await();
        plan.format("").lines().forEach(line -> wiring.supervisor().log(LogLevel.DEBUG, line));
        clock.mark("kernel");
        final Engine engine = choice.create(record, config.vcpus());
        final List<Vcpu> vcpus = buildMachine(record, config, wiring, engine, plan);
        final Board.Maps maps = wiring.maps(record, config, engine);
        engine.prepare();
        clock.mark("machine");
        final Board board = new Board(
                wiring.supervisor(),
                wiring.attention(),
                control.fd(),
                wiring.devices(),
                vcpus,
                maps,
                config.readTimeoutNs(),
                wiring.counters());
        final MachineState state =
                MachineState.open(record.findFd("state").orElse(null), choice.kind(), engine, vcpus.size(), maps.bus());
        if (state != null) {
            board.keepStateIn(state);
        }
        board.startThreads();
        final Optional<ProbeRunner> probe = record.findFd("probe").map(ProbeRunner::new);
        choice.release(record);
        closeImages(record);
        final byte[] filterHash = closeJail(config, choice, record);
        clock.mark("jail");
        wiring.supervisor().log(LogLevel.DEBUG, clock.line());
        wiring.supervisor().ready(Clock.monotonicNs(), filterHash, 1 + vcpus.size());
        if (probe.isPresent()) {
            probe.get().run(); // what the jail lets through, instead of serving
            return ProcessExit.STOPPED;
        }
        final Board.End end = board.serve();
        // Not a switch: the class javac makes for one would be loaded here, under the filter.
        return end == Board.End.STOPPED ? ProcessExit.STOPPED : ProcessExit.SUPERVISOR_LOST;
    }

    /** ACPI tables, kernel, initrd and command line into guest memory. */
    private static BootPlan loadGuest(BootRecord record, VcpuConfig config, Wiring wiring) throws BootException {
        if (config.firmware()) {
            return loadFirmware(record, config, wiring);
        }
        final Image kernel = FdImage.of(config.kernelName(), record.fd("kernel"));
        final Optional<Fd> initrd = record.findFd("initrd");
        final AcpiTables tables = AcpiTables.of(Wiring.acpi(config));
        tables.writeTo(wiring.memory());
        return BootLoader.load(new BootRequest(
                kernel,
                initrd.isPresent() ? FdImage.of("initrd", initrd.get()) : null,
                config.commandLine(),
                E820.of(config.memoryBytes()),
                wiring.memory()::slice,
                AcpiTables.RSDP_ADDRESS,
                BootRequest.Protocol.AUTO));
    }

    /** Firmware where its reset vector is, and what it asks its configuration device for into the memfd that it shares with us. */
    private static BootPlan loadFirmware(BootRecord record, VcpuConfig config, Wiring wiring) throws BootException {
        final E820 map = E820.of(config.memoryBytes());
        final byte[] files = FirmwareFiles.pack(
                FirmwareFiles.of(Wiring.acpi(config), map, config.slots("block"), config.slots("net")));
        record.findFd("firmware.files").ifPresent(fd -> {
            final long room = FileIo.size(fd);
            if (room < files.length) {
                throw new IllegalArgumentException(
                        "boot record: firmware.files has " + room + " bytes: expected at least " + files.length);
            }
            try (Mapping shared = Mapping.shared(fd, 0, room, Mapping.Access.READ_WRITE)) {
                shared.buffer().putBytes(0, files);
            }
        });
        return FirmwareLoader.load(FdImage.of(config.kernelName(), record.fd("firmware")), map, wiring.memory()::slice);
    }

    private static List<Vcpu> buildMachine(
            BootRecord record, VcpuConfig config, Wiring wiring, Engine engine, BootPlan plan) {
        wiring.mapMemory(engine, plan.rom());
        final List<Vcpu> vcpus = new ArrayList<>();
        for (int i = 0; i < config.vcpus(); i++) {
            vcpus.add(engine.createVcpu(i));
        }
        Wiring.attachInterrupts(record, config, engine);
        vcpus.getFirst().setBootState(plan.state());
        return vcpus;
    }

    /** What only loading needed. */
    private static void closeImages(BootRecord record) {
        record.findFd("kernel").ifPresent(Fd::close);
        record.findFd("firmware").ifPresent(Fd::close);
        record.findFd("firmware.files").ifPresent(Fd::close);
        record.findFd("initrd").ifPresent(Fd::close);
    }

    /** Installs the narrow filter; returns the hash of the one that is in force now, zeros for none. */
    private static byte[] closeJail(VcpuConfig config, EngineChoice choice, BootRecord record) {
        if (config.jail() == VcpuConfig.Jail.OFF) {
            return new byte[HASH_BYTES];
        }
        final Optional<byte[]> filter = choice.narrowFilter(record);
        if (filter.isEmpty()) {
            throw new IllegalArgumentException(
                    "boot record: " + choice.filterKey() + " is missing, and jail is not off");
        }
        final byte[] hash = FilterHash.of(filter.get());
        try {
            Seccomp.installNarrow(filter.get());
        } catch (SysException e) {
            throw new JailFailure(e);
        }
        return hash;
    }

    private static ProcessExit complain(ProcessExit code, String message) {
        System.err.println("jvmm-vcpu: " + message);
        return code;
    }

    private static String message(Throwable thrown) {
        return thrown.getMessage() == null ? thrown.toString() : thrown.getMessage();
    }
}
