package io.jvmm.fuzz.machine;

import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.fuzz.program.Listing;
import io.jvmm.fuzz.program.Operation;
import io.jvmm.fuzz.program.Program;
import io.jvmm.ipc.trace.TraceFormatException;
import io.jvmm.ipc.trace.TraceSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A device as a target: an input is a program. */
public final class DeviceTarget implements FuzzTarget {

    private final String name;
    private final DeviceMachine machine;
    private final List<Operation> vocabulary;

    private final HostModel host;
    private final List<byte[]> seeds;

    /** @param seeds programs to begin with */
    public DeviceTarget(Subject subject, List<byte[]> seeds) {
        name = subject.factory().name();
        machine = new DeviceMachine(subject);
        vocabulary = subject.vocabulary();
        host = subject.host();
        this.seeds = seeds;
    }

    /** A device without virtqueues, which begins with pieces of its exercise. */
    public static DeviceTarget exercised(Subject subject, int longest) {
        return new DeviceTarget(subject, ExerciseSeed.of(subject.factory(), subject.vocabulary(), longest));
    }

    @Override
    public void thorough() {
        machine.thorough();
    }

    @Override
    public List<byte[]> seeds() {
        return seeds;
    }

    @Override
    public void run(byte[] input) {
        machine.run(input);
    }

    /** Runs an input up to its last operation; what that brought about. */
    public Reached reach(byte[] input) {
        return machine.reach(input);
    }

    @Override
    public List<Integer> parts(byte[] input) {
        return Program.of(vocabulary, input).steps().stream()
                .map(step -> step.bytes().length)
                .toList();
    }

    @Override
    public List<String> describe(byte[] input) {
        return Listing.of(Program.of(vocabulary, input));
    }

    @Override
    public void keep(byte[] input, Path directory) throws IOException {
        machine.record(input, directory.resolve("finding.jtrace"));
    }

    @Override
    public List<byte[]> convert(TraceSource life, int longest) throws TraceFormatException, IOException {
        return LifeSeed.of(life, name, vocabulary, host, longest);
    }
}
