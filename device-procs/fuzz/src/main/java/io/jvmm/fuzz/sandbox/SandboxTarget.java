package io.jvmm.fuzz.sandbox;

import io.jvmm.fuzz.engine.FuzzTarget;
import java.util.List;

/** A script as the input of a target, for the reducer and to run one again: each run is a session of its own, from power-on. */
final class SandboxTarget implements FuzzTarget, AutoCloseable {
    private final SandboxDevice device;
    private final Spares spares;
    private final SandboxMachine machine;

    SandboxTarget(SandboxDevice device, SandboxPrograms programs, long boundNs) {
        this.device = device;
        this.spares = new Spares(device.name(), programs, 1);
        this.machine = new SandboxMachine(device, spares, new Feedback(), boundNs);
    }

    @Override
    public void run(byte[] input) {
        machine.begin();
        machine.run(Script.of(device.vocabulary(), input));
        machine.end();
    }

    @Override
    public List<Integer> parts(byte[] input) {
        return Script.of(device.vocabulary(), input).steps().stream()
                .map(step -> step.length)
                .toList();
    }

    @Override
    public List<String> describe(byte[] input) {
        return Script.of(device.vocabulary(), input).lines();
    }

    @Override
    public void close() {
        machine.close();
        spares.close();
    }
}
