package io.jvmm.ipc.processes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.UnixSocket;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A board in this process, a device in another one. */
@Timeout(300)
class TwoProcessTest {
    private static final long PATIENCE_NS = 120_000_000_000L;

    @TempDir
    private Path directory = Path.of("");

    private final LinkMemory memory = LinkMemory.create("test-link", LinkSpec.device(2));
    private final EventFd requestDoorbell = EventFd.create();
    private final EventFd eventDoorbell = EventFd.create();
    private final StateSegment state = StateSegment.create(
            "test-state", CountingDevice.DEVICE_ID, CountingDevice.VERSION, CountingDevice.STATE_LENGTH);

    @AfterEach
    void close() {
        requestDoorbell.close();
        eventDoorbell.close();
        state.close();
    }

    private BoardEndpoint board(long spinNs) {
        return new BoardEndpoint(memory, requestDoorbell, eventDoorbell, new WaitPolicy(spinNs, PATIENCE_NS));
    }

    private Process startDevice(String... flags) throws IOException {
        Path socket = directory.resolve("socket-" + System.nanoTime());
        List<String> command = new java.util.ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-exports=java.base/jdk.internal.misc=ALL-UNNAMED",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-Xmx32m"));
        command.addAll(List.of(flags));
        command.addAll(List.of(
                "-cp", System.getProperty("java.class.path"), CountingDevice.class.getName(), socket.toString()));
        try (UnixSocket listener = UnixSocket.listen(socket, 1)) {
            Process process = new ProcessBuilder(command).inheritIO().start();
            try (UnixSocket connection = listener.accept()) {
                connection.send(
                        new byte[1], List.of(memory.fd(), requestDoorbell.fd(), eventDoorbell.fd(), state.fd()));
            }
            return process;
        }
    }

    /** Jailed processes have the first compiler only, or in the beginning none: nothing may rest on the second one. */
    @ParameterizedTest
    @ValueSource(strings = {"-XX:TieredStopAtLevel=1", "-Xint"})
    void theDeviceAllocatesNothingEvenWithoutTheOptimisingCompiler(String flag) throws Exception {
        Process device = startDevice(flag);
        try {
            BoardEndpoint board = board(0);
            for (int i = 0; i < 10_100; i++) {
                board.write(0, 0, 0, 4, 1);
                board.read(0, 0, 0, 8);
            }
            long before = board.read(0, 2, 0, 8);
            for (int i = 0; i < 5_000; i++) {
                board.write(0, 0, 0, 4, 1);
                board.kick(1, 0);
                board.read(0, 0, 0, 8);
            }
            assertTrue(before >= 0, "the device is not warm");
            assertEquals(before, board.read(0, 2, 0, 8), "bytes allocated by the device");
            assertEquals(15_100, board.read(0, 0, 0, 8));
        } finally {
            device.destroyForcibly().waitFor();
        }
    }

    /** Whenever the device is killed, its successor handles each write exactly once, and each read is answered. */
    @Test
    void aKilledDeviceLosesNothingAndRepeatsNothing() throws Exception {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        BoardEndpoint board = board(20_000);
        CountDownLatch stop = new CountDownLatch(1);
        long[] written = new long[2];
        String[] failure = new String[1];
        Thread vcpu = Thread.ofPlatform().start(() -> {
            long count = 0;
            long sum = 0;
            while (stop.getCount() > 0 && failure[0] == null) {
                for (int burst = (int) (count % 13); burst >= 0; burst--) {
                    board.write(0, 0, 0, 8, count * 31);
                    sum += count * 31;
                    count++;
                }
                long seen = board.read(0, 0, 0, 8);
                if (seen != count || board.read(0, 1, 0, 8) != sum) {
                    failure[0] = "wrote " + count + ", the device counts " + seen;
                }
            }
            written[0] = count;
            written[1] = sum;
        });
        int lives = 6;
        Process device = startDevice("-XX:TieredStopAtLevel=1");
        try {
            for (int life = 1; life < lives; life++) {
                assertEquals(device.pid(), board.read(1, 3, 0, 8), "a new life answers");
                // Anywhere in the next few thousand messages.
                for (int i = random.nextInt(2_000); i > 0; i--) {
                    board.read(1, 0, 0, 8);
                }
                device.destroyForcibly().waitFor();
                device = startDevice("-XX:TieredStopAtLevel=1");
            }
            assertEquals(device.pid(), board.read(1, 3, 0, 8));
            stop.countDown();
            vcpu.join();
            assertEquals(null, failure[0], "seed " + seed);
            assertEquals(written[0], board.read(1, 0, 0, 8));
            assertEquals(written[1], board.read(1, 1, 0, 8));
            assertEquals(LinkHealth.CONNECTED, board.health());
            System.out.println(written[0] + " writes over " + lives + " lives");
        } finally {
            stop.countDown();
            device.destroyForcibly().waitFor();
        }
    }
}
