package io.jvmm.device.virtio;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.ScratchMachine;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The small driver of warm-up and scripts gets its answers, lap after lap. */
class ExerciseDriverTest {

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void requestsAreAnswered(boolean packed) {
        EchoFactory factory = new EchoFactory();
        VirtioProcess process = new VirtioProcess(factory);
        ScratchMachine machine = new ScratchMachine(process, process.exampleConfig());
        ExerciseDriver driver = new ExerciseDriver(machine, factory.identity(factory.exampleConfig()));
        driver.setUp(packed);
        for (int i = 0; i < 30; i++) {
            assertTrue(driver.offer(EchoFactory.ECHO, new byte[] {(byte) i, 2}, 2));
            assertEquals(List.of("queue 0: 2 bytes: " + String.format("%02x 02", i)), driver.completions());
            assertTrue(driver.offer(EchoFactory.ECHO, new byte[0], 9));
            assertEquals(List.of("queue 0: 0 bytes"), driver.completions());
            assertTrue(driver.offer(EchoFactory.ECHO, new byte[] {1, 2, 3}, 0));
            assertEquals(1, driver.completions().size());
        }
        for (int i = 0; i < 4; i++) {
            assertTrue(driver.offer(EchoFactory.LATER, new byte[] {7}, 1));
        }
        assertFalse(driver.offer(EchoFactory.LATER, new byte[] {7}, 1));
        assertFalse(driver.offer(40, new byte[] {7}, 1));
        assertEquals(0, machine.guestErrors());
        driver.misbehave();
        assertTrue(machine.guestErrors() > 10);
        driver.setUp(packed);
        assertTrue(driver.offer(EchoFactory.ECHO, new byte[] {5}, 1));
        assertEquals(List.of("queue 0: 1 bytes: 05"), driver.completions());
    }
}
