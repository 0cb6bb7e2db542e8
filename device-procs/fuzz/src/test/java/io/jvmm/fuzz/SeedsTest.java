package io.jvmm.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.fuzz.engine.Corpus;
import io.jvmm.fuzz.machine.DeviceTarget;
import io.jvmm.fuzz.machine.Reached;
import io.jvmm.fuzz.program.Operation;
import io.jvmm.fuzz.program.Program;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The seeds that were made of recorded lives do what the drivers of a stock Linux did, and no case leaves anything for the next. */
class SeedsTest {
    /** Virtqueues on which Linux's drivers had buffers come back. */
    private static final Map<Targets, Set<Integer>> USED = Map.of(
            Targets.RNG, Set.of(0),
            Targets.BALLOON, Set.of(0),
            Targets.CONSOLE, Set.of(1, 3),
            Targets.BLOCK, Set.of(0),
            Targets.NET, Set.of(0, 1),
            Targets.VSOCK, Set.of(0, 1));

    private static DeviceTarget target(Targets target) {
        return (DeviceTarget) target.make();
    }

    @ParameterizedTest
    @EnumSource(names = {"SERIAL", "PLATFORM", "RNG", "BALLOON", "CONSOLE", "BLOCK", "NET", "VSOCK"})
    void recordedLivesReachWhatTheirDriversDid(Targets which) throws Exception {
        DeviceTarget target = target(which);
        List<byte[]> lives = Corpus.lives(which.word());
        assertFalse(lives.isEmpty(), "there are seeds");
        Set<Integer> queues = new TreeSet<>();
        int interrupts = 0;
        long outputBytes = 0;
        boolean powered = false;
        for (byte[] life : lives) {
            Reached reached = target.reach(life);
            boolean setsUp = which != Targets.SERIAL
                    && which != Targets.PLATFORM
                    && Program.of(Operation.OF_VIRTIO, life).steps().stream()
                            .anyMatch(step -> step.operation() == Operation.SETUP);
            assertEquals(setsUp, reached.driverOk(), () -> String.join("\n", target.describe(life)));
            for (int i = 0; i < reached.returned().size(); i++) {
                if (reached.returned().get(i) > 0) {
                    queues.add(i);
                }
            }
            interrupts += reached.interrupts();
            outputBytes += reached.outputBytes();
            powered |= reached.powered();
        }
        assertTrue(
                queues.containsAll(USED.getOrDefault(which, Set.of())), () -> "buffers came back on queues " + queues);
        assertTrue(which == Targets.PLATFORM || interrupts > 0, "interrupts");
        assertTrue((which != Targets.SERIAL && which != Targets.CONSOLE) || outputBytes > 0, "output");
        assertTrue(which != Targets.PLATFORM || powered, "the guest switched itself off");
    }

    @ParameterizedTest
    @EnumSource(names = {"SERIAL", "PLATFORM", "RNG", "BALLOON", "CONSOLE", "BLOCK", "NET", "VSOCK"})
    void aCaseLeavesNothingForTheNext(Targets which) throws Exception {
        DeviceTarget used = target(which);
        List<byte[]> inputs = new ArrayList<>(Corpus.shipped(which.word(), used));
        List<Reached> first = new ArrayList<>();
        for (byte[] input : inputs) {
            first.add(target(which).reach(input));
        }
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < inputs.size(); i++) {
            order.add(i);
        }
        Collections.shuffle(order, new Random(7));
        for (int i : order) {
            assertEquals(
                    first.get(i), used.reach(inputs.get(i)), () -> String.join("\n", used.describe(inputs.get(i))));
            used.run(inputs.get(order.getFirst()));
        }
    }
}
