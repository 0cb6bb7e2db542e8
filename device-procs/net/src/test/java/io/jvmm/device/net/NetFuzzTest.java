package io.jvmm.device.net;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.virtio.rig.ChainFuzz;
import io.jvmm.ipc.sys.Fd;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Chains, registers and states of every kind of nonsense, with a host that sends everything back through the code of both back
 * ends. A longer run: {@code -Djvmm.fuzz.cases=1000000}.
 */
class NetFuzzTest {
    private static final int PAIRS = 2;

    private static byte[] content(int queue, Random random) {
        boolean control = queue == 2 * PAIRS || (queue == 2 && random.nextBoolean());
        if (control) {
            byte[] command = new byte[2 + random.nextInt(40)];
            random.nextBytes(command);
            command[0] = (byte) random.nextInt(7);
            command[1] = (byte) random.nextInt(6);
            return command;
        }
        byte[] header = Frames.header(
                random.nextInt(2),
                new int[] {0, 0, 1, 3, 4, 5, 0x81}[random.nextInt(7)],
                random.nextInt(100),
                random.nextInt(200),
                random.nextInt(4) == 0 ? random.nextInt(65536) : 34,
                random.nextBoolean() ? 16 : 6);
        byte[] payload = new byte[random.nextInt(400)];
        random.nextBytes(payload);
        boolean tcp = random.nextBoolean();
        byte[] transport = tcp
                ? Frames.tcp(Frames.GUEST_IP, Frames.HOST_IP, 1, 16, payload)
                : Frames.udp(Frames.GUEST_IP, Frames.HOST_IP, 1, 2, payload);
        byte[] packet = Frames.ipv4(Frames.GUEST_IP, Frames.HOST_IP, tcp ? 6 : 17, 1, transport);
        return Frames.join(header, Frames.ethernet(Frames.GUEST_MAC, Frames.HOST_MAC, 0x0800, packet));
    }

    /** Only split rings, or both. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void chainsAndRegisters(boolean packed) {
        fuzz(packed, false, ChainFuzz.cases(20_000));
    }

    @Test
    void memoryThatChanges() {
        fuzz(true, true, ChainFuzz.cases(5_000));
    }

    static void fuzz(boolean packed, boolean meddled, int cases) {
        Map<String, Fd> echo = new NetDevice().scratchDescriptors();
        Map<String, String> entries = Map.of("0.packed", Boolean.toString(packed));
        ChainFuzz fuzz = new ChainFuzz(new NetDevice(), entries, echo, System.nanoTime()).with(NetFuzzTest::content);
        System.out.println((meddled ? fuzz.meddled() : fuzz).run(cases));
        echo.values().forEach(Fd::close);
    }

    @Test
    void states() {
        Map<String, Fd> echo = new NetDevice().scratchDescriptors();
        int refused = ChainFuzz.states(new NetDevice(), Map.of(), echo, System.nanoTime(), 100);
        assertTrue(refused < 100);
        echo.values().forEach(Fd::close);
    }
}
