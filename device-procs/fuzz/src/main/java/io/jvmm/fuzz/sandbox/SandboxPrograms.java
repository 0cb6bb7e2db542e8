package io.jvmm.fuzz.sandbox;

import io.jvmm.policy.bpf.Bpf;
import io.jvmm.policy.bpf.BpfProgram;
import io.jvmm.policy.jail.Bind;
import io.jvmm.supervisor.config.MachineConfig;
import io.jvmm.supervisor.launch.Distribution;
import io.jvmm.supervisor.launch.HostLackException;
import io.jvmm.supervisor.launch.ProcessKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/**
 * The programs of a distribution with what they start under and close, as the supervisor gives it to them.
 *
 * @param distribution where they are
 * @param change what becomes of each filter on its way: nothing, but where a forbidden call is looked for, or a fault is planted
 * @param fromTheStart whether that is so of the filter a process starts under, too
 */
record SandboxPrograms(Distribution distribution, Change change, boolean fromTheStart) {

    /** Changes a filter. */
    interface Change {
        BpfProgram of(BpfProgram filter);
    }

    /**
     * A distribution as it is.
     *
     * @throws IllegalArgumentException telling how to build it when it is not there
     */
    static SandboxPrograms in(Path home) {
        if (!Files.exists(home.resolve("complete"))) {
            throw new IllegalArgumentException("no distribution in " + home
                    + "; build it: mvn -DskipTests -Dlint=off package   (or name one: --distribution DIR)");
        }
        return new SandboxPrograms(
                new Distribution(home.toAbsolutePath().normalize(), MachineConfig.Engine.X86), filter -> filter, false);
    }

    /** The distribution of the source tree that this class was built in. */
    static Path ofTheTree() {
        try {
            Path own = Path.of(Objects.requireNonNull(
                            SandboxPrograms.class.getProtectionDomain().getCodeSource())
                    .getLocation()
                    .toURI());
            for (Path at = own; at != null; at = at.getParent()) {
                if (Files.isDirectory(at.resolve("supervisor/src"))) {
                    return at.resolve("supervisor/target/jvmm");
                }
            }
        } catch (java.net.URISyntaxException e) {
            throw new IllegalStateException(e);
        }
        return Path.of("supervisor/target/jvmm");
    }

    /** The same with filters that let calls of these numbers through before they look at anything else. */
    SandboxPrograms allowing(int first, int last) {
        return new SandboxPrograms(distribution, filter -> before(change.of(filter), first, last, Bpf.RET_ALLOW), true);
    }

    /** The same with filters that a process closes of which one call's rule was taken out. */
    SandboxPrograms without(int number) {
        return new SandboxPrograms(distribution, filter -> before(filter, number, number, Bpf.RET_KILL_PROCESS), false);
    }

    private static BpfProgram before(BpfProgram filter, int first, int last, int action) {
        List<BpfProgram.Instruction> all = new ArrayList<>();
        all.add(new BpfProgram.Instruction(Bpf.LD_W_ABS, 0, 0, Bpf.NR));
        all.add(new BpfProgram.Instruction(Bpf.JGE, 0, 2, first));
        all.add(new BpfProgram.Instruction(Bpf.JGT, 1, 0, last));
        all.add(new BpfProgram.Instruction(Bpf.RET, 0, 0, action));
        all.addAll(filter.instructions());
        return new BpfProgram(all);
    }

    private static ProcessKind kind(String device) {
        return ProcessKind.valueOf(device.toUpperCase(Locale.ROOT));
    }

    List<String> command(String device) throws HostLackException {
        return distribution.command(kind(device));
    }

    List<Bind> binds(String device) throws HostLackException {
        return distribution.binds(kind(device));
    }

    Map<String, String> environment() {
        return distribution.environment();
    }

    /** What a device process starts under. */
    byte[] wideFilter() throws HostLackException {
        byte[] wide = raw("wide");
        return fromTheStart ? change.of(BpfProgram.fromBytes(wide)).toBytes() : wide;
    }

    /** What a spare waits under. */
    byte[] standbyFilter() throws HostLackException {
        return change.of(BpfProgram.fromBytes(raw("standby"))).toBytes();
    }

    /** What a device process closes. */
    byte[] narrowFilter(String device) throws HostLackException {
        return change.of(BpfProgram.fromBytes(raw(device))).toBytes();
    }

    private byte[] raw(String name) throws HostLackException {
        Path file = distribution.home().resolve("policies").resolve(name + ".bpf");
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new IllegalArgumentException("the distribution is not whole: " + file + " cannot be read", e);
        }
    }
}
