package io.jvmm.device.console;

import io.jvmm.device.virtio.rig.ChainFuzz;
import io.jvmm.ipc.TestSeed;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Nonsense from the driver, between messages that mean something; a million cases with {@code -Djvmm.fuzz.cases=1000000}. */
@Timeout(3600)
class ConsoleFuzzTest {

    private static final ChainFuzz.Content CONTENT = (queue, random) -> {
        byte[] bytes = new byte[random.nextInt(40)];
        random.nextBytes(bytes);
        if (queue == ControlQueues.TRANSMIT && bytes.length >= 8) {
            int[] events = {0, 3, 6, random.nextInt(9)};
            bytes[0] = (byte) random.nextInt(18);
            bytes[1] = bytes[2] = bytes[3] = 0;
            bytes[4] = (byte) events[random.nextInt(4)];
            bytes[5] = 0;
            bytes[6] = (byte) (random.nextInt(4) == 0 ? 0 : 1);
            bytes[7] = 0;
        }
        return bytes;
    };

    @Test
    void nothingHurts() {
        long seed = TestSeed.next();
        Map<String, String> nobody = Map.of("0.0.backend", "none", "0.1.backend", "none", "0.0.escape", "none");
        System.out.println(new ChainFuzz(new ConsoleDevice(), nobody, Map.of(), seed)
                .with(CONTENT)
                .run(ChainFuzz.cases(20_000)));
    }

    @Test
    void nothingHurtsWithSomebodyThere() {
        System.out.println(somebody(Map.of()).run(ChainFuzz.cases(20_000)));
    }

    /** Sixteen of them, with the size of a window changing now and then. */
    @Test
    void nothingHurtsAllPorts() {
        Map<String, String> all = new HashMap<>(Map.of("0.ports", "16"));
        for (int port = 2; port < 16; port++) {
            all.put("0." + port + ".backend", "none");
        }
        System.out.println(somebody(all).run(ChainFuzz.cases(10_000)));
    }

    @Test
    void nothingHurtsInMemoryThatChanges() {
        System.out.println(somebody(Map.of()).meddled().run(ChainFuzz.cases(5_000)));
    }

    /** The output of the first two ports is their input. */
    private static ChainFuzz somebody(Map<String, String> entries) {
        long seed = TestSeed.next();
        return new ChainFuzz(new ConsoleDevice(), entries, new ConsoleDevice().scratchDescriptors(), seed)
                .with(CONTENT);
    }
}
