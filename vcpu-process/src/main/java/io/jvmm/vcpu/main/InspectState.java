package io.jvmm.vcpu.main;

import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.state.CommittedState;
import io.jvmm.ipc.state.StateFormatException;
import io.jvmm.ipc.state.StatePrinter;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.vcpu.board.MachineStateLayout;
import io.jvmm.vcpu.board.pci.PciStateLayout;
import io.jvmm.vcpu.x86.X86Engine;
import io.jvmm.vcpu.x86.X86StateLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Prints a machine's state, field by field by name: from a copy of its state segment, or from the segment while the machine lives.
 *
 * <pre>
 *   java --enable-native-access=ALL-UNNAMED --add-exports java.base/jdk.internal.misc=ALL-UNNAMED \
 *       -cp jvmm-vcpu.jar io.jvmm.vcpu.main.InspectState /proc/SUPERVISOR/fd/N [PREFIX]
 * </pre>
 *
 * <p>{@code ls -l /proc/SUPERVISOR/fd} shows the segment as {@code memfd:vcpu-state}; the prefix is the beginning of a field's path,
 * {@code vcpu[0].apic} for example. The segment is not trusted. Exit status 0, or 1 when there is nothing to print.
 */
final class InspectState {
    private InspectState() {}

    public static void main(String[] args) {
        if (args.length < 1 || args.length > 2) {
            end("usage: InspectState FILE [PREFIX]");
        }
        try (Fd fd = FileIo.open(Path.of(args[0]), FileIo.READ_ONLY, 0)) {
            print(CommittedState.read(fd), args.length == 2 ? args[1] : "", System.out::println);
        } catch (SysException | StateFormatException | IllegalArgumentException e) {
            end(args[0] + ": " + e.getMessage());
        }
    }

    private static void end(String message) {
        System.err.println(message);
        Runtime.getRuntime().halt(1);
    }

    /**
     * Prints the fields whose path starts with {@code prefix}.
     *
     * @throws IllegalArgumentException when this is not the state of a machine in a layout that is known here
     */
    static void print(CommittedState committed, String prefix, Consumer<String> lines) {
        require(committed.deviceId() == MachineStateLayout.DEVICE_ID, "device", committed.deviceId());
        require(committed.version() == MachineStateLayout.VERSION, "version", committed.version());
        final int length = committed.state().capacity();
        require(length >= MachineStateLayout.LENGTH_BYTES, "length", length);
        if (committed.sequence() == 0) {
            lines.accept("nothing has been committed");
            return;
        }
        final int engine = number(committed, "engine");
        final int vcpus = number(committed, "vcpus");
        final int version = number(committed, "engineVersion");
        require(EngineKind.of(engine) == EngineKind.X86, "engine", engine);
        require(version == X86StateLayout.VERSION, "version of the engine's part", version);
        require(vcpus >= 1 && vcpus <= X86Engine.MOST_VCPUS, "number of vCPUs", vcpus);
        final MemoryLayout layout = X86StateLayout.of(vcpus);
        final int busBytes = number(committed, "busBytes");
        final int busAt = Math.toIntExact(MachineStateLayout.LENGTH_BYTES + layout.byteSize());
        require(busBytes >= 0 && length - busAt == busBytes, "length", length);
        if (prefix.isEmpty()) {
            lines.accept("commit " + committed.sequence() + ", " + EngineKind.X86.word() + ", machine "
                    + MachineStateLayout.Moment.text(number(committed, "moment")) + ageOf(number(committed, "moment")));
        }
        final MemoryLayout header = MemoryLayout.structLayout(MachineStateLayout.STATE_V2.withName("machine"));
        StatePrinter.print(header, committed.state(), prefix, lines);
        final UnsafeBuffer part = new UnsafeBuffer(
                committed.state(), MachineStateLayout.LENGTH_BYTES, busAt - MachineStateLayout.LENGTH_BYTES);
        StatePrinter.print(layout, part, prefix, lines);
        if (busBytes > 0) {
            final UnsafeBuffer bus = new UnsafeBuffer(committed.state(), busAt, busBytes);
            final StructLayout busLayout = PciStateLayout.of(bus);
            StatePrinter.print(MemoryLayout.structLayout(busLayout.withName("pci")), bus, prefix, lines);
        }
    }

    private static String ageOf(int moment) {
        return moment == MachineStateLayout.Moment.RUNNING.number()
                ? " since; these are the values it started from"
                : "";
    }

    private static int number(CommittedState committed, String field) {
        final long offset = MachineStateLayout.STATE_V2.byteOffset(MemoryLayout.PathElement.groupElement(field));
        return committed.state().getInt((int) offset, ByteOrder.LITTLE_ENDIAN);
    }

    private static void require(boolean holds, String what, long found) {
        if (!holds) {
            throw new IllegalArgumentException("machine's state: " + what + " is " + found);
        }
    }
}
