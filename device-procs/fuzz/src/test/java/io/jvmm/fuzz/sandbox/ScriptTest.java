package io.jvmm.fuzz.sandbox;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.fuzz.program.Operation;
import io.jvmm.fuzz.program.Program;
import io.jvmm.fuzz.program.ProgramWriter;
import io.jvmm.ipc.TestSeed;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Scripts are decoded totally, and hold the programs of device targets unchanged. */
class ScriptTest {
    private static final List<Operation> VIRTIO = Operation.OF_VIRTIO;

    @Test
    void anyBytesAreAScriptThatIsItselfWhenItIsWrittenAgain() {
        Random random = new Random(TestSeed.next());
        for (int i = 0; i < 2000; i++) {
            byte[] bytes = new byte[random.nextInt(200)];
            random.nextBytes(bytes);
            Script script = Script.of(VIRTIO, bytes);
            assertEquals(bytes.length, script.bytes().length);
            assertArrayEquals(script.bytes(), Script.of(VIRTIO, script.bytes()).bytes());
            assertArrayEquals(
                    script.bytes(), Script.ofFile(VIRTIO, script.file()).bytes());
            assertEquals(script.steps().size(), script.lines().size());
        }
    }

    @Test
    void aProgramOfTheDeviceComesOutAsItWentIn() {
        byte[] program = new ProgramWriter(VIRTIO)
                .setUp(-1, 1)
                .offer(0, 1, new int[] {1, 64}, new byte[0])
                .kick(0)
                .bytes();
        Script script = Script.ofFile(VIRTIO, program);
        assertFalse(script.needsProcess());
        assertEquals(4, script.steps().size());
        assertEquals(
                Program.of(VIRTIO, program).steps().size(),
                Program.of(VIRTIO, script.program()).steps().size());
        assertArrayEquals(program, script.program());
    }

    @Test
    void oneSeedMakesOneRowOfCases() {
        List<Script> seeds = List.of(Script.ofProgram(
                VIRTIO, new ProgramWriter(VIRTIO).setUp(-1, 1).kick(0).bytes()));
        Mutator one = new Mutator(VIRTIO, seeds, 7);
        Mutator other = new Mutator(VIRTIO, seeds, 7);
        boolean outside = false;
        for (int i = 0; i < 500; i++) {
            Script script = one.next();
            assertArrayEquals(script.bytes(), other.next().bytes());
            assertEquals(Outside.CASE, Script.outside(VIRTIO, script.steps().getFirst()));
            outside |= script.needsProcess();
            assertEquals(
                    script.steps().size(),
                    Script.of(VIRTIO, script.bytes()).steps().size(),
                    "a step that is cut short takes in the next one");
            one.keep(script);
            other.keep(script);
        }
        assertTrue(outside, "nothing of what only a process can be done to");
    }
}
