package io.jvmm.device.block;

import static io.jvmm.device.block.Disk.DISCARD;
import static io.jvmm.device.block.Disk.FLUSH;
import static io.jvmm.device.block.Disk.GET_ID;
import static io.jvmm.device.block.Disk.IN;
import static io.jvmm.device.block.Disk.OK;
import static io.jvmm.device.block.Disk.OUT;
import static io.jvmm.device.block.Disk.WRITE_ZEROES;
import static io.jvmm.device.block.Disk.header;
import static io.jvmm.device.block.Disk.join;
import static io.jvmm.device.block.Disk.pattern;
import static io.jvmm.device.block.Disk.ranges;
import static io.jvmm.device.block.Disk.status;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.trace.CoreReplay;
import io.jvmm.device.virtio.VirtioProcess;
import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.trace.TraceBuffer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program itself under its filter: whatever a driver asks for, it lives, and its death loses nothing. */
class BlockProcessTest {
    private static final int BYTES = 4096;

    @TempDir
    private Path directory;

    private Path qemuImage(String name, String... arguments) throws IOException, InterruptedException {
        Path path = directory.resolve(name);
        List<String> command = new ArrayList<>(List.of("qemu-img", "create", "-q"));
        command.addAll(List.of(arguments));
        command.addAll(List.of(path.toString(), "8M"));
        assertEquals(0, new ProcessBuilder(command).inheritIO().start().waitFor(), command.toString());
        return path;
    }

    private static Fd open(Path path) {
        return FileIo.open(path, FileIo.READ_WRITE, 0);
    }

    private static void everything(LiveBlock live, int function, String serial) {
        byte[] data = pattern(function, BYTES);
        assertEquals(OK, status(live.request(function, join(header(OUT, 24), data), 1)), live.condition());
        byte[] answer = live.request(function, header(IN, 24), BYTES + 1);
        assertEquals(OK, status(answer));
        assertArrayEquals(data, Arrays.copyOf(answer, BYTES));
        assertEquals(OK, status(live.request(function, header(FLUSH, 0), 1)));
        assertEquals(OK, status(live.request(function, ranges(WRITE_ZEROES, 25, 2, 0), 1)));
        assertEquals(OK, status(live.request(function, ranges(WRITE_ZEROES, 28, 1, 1), 1)));
        assertEquals(OK, status(live.request(function, ranges(DISCARD, 128, 512, 0), 1)));
        Arrays.fill(data, 512, 1536, (byte) 0);
        Arrays.fill(data, 2048, 2560, (byte) 0);
        assertArrayEquals(data, Arrays.copyOf(live.request(function, header(IN, 24), BYTES + 1), BYTES));
        byte[] id = live.request(function, header(GET_ID, 0), 21);
        assertEquals(serial, new String(id, 0, serial.length(), StandardCharsets.US_ASCII));
        assertEquals(Disk.UNSUPP, status(live.request(function, header(99, 0), 1)));
        assertEquals(Disk.IOERR, status(live.request(function, header(IN, -1), BYTES + 1)));
    }

    @Test
    void everyRequestUnderTheFilter() throws IOException, InterruptedException {
        Path raw = qemuImage("disk.raw", "-f", "raw");
        Path qcow2 = qemuImage("disk.qcow2", "-f", "qcow2");
        Path direct = qemuImage("direct.raw", "-f", "raw");
        Map<String, String> entries = new HashMap<>();
        for (int f = 0; f < 3; f++) {
            entries.put(f + ".serial", "disk-" + f);
            entries.put(f + ".block-size", f == 2 ? "4096" : "512");
        }
        entries.put("1.format", "qcow2");
        entries.remove("2.block-size");
        try (Fd first = open(raw);
                Fd second = open(qcow2);
                Fd third = FileIo.open(direct, FileIo.READ_WRITE | FileIo.DIRECT, 0);
                LiveBlock live =
                        new LiveBlock(3, entries, Map.of("0.image", first, "1.image", second, "2.image", third))) {
            live.start();
            for (int f = 0; f < 3; f++) {
                live.setUp(f);
                assertEquals(8L << 20 >> 9, live.read(f, 0x2000, 8), "capacity");
                everything(live, f, "disk-" + f);
            }
            assertEquals(new ExitStatus.Exited(ProcessExit.STOPPED.code()), live.stop());
        }
        assertEquals(
                0,
                new ProcessBuilder("qemu-img", "check", "-q", qcow2.toString())
                        .inheritIO()
                        .start()
                        .waitFor());
        byte[] content = Files.readAllBytes(raw);
        assertArrayEquals(Arrays.copyOf(pattern(0, BYTES), 512), Arrays.copyOfRange(content, 24 * 512, 25 * 512));
    }

    /** Killed at any moment of a write; the next process answers it, once, and the data is there. */
    @Test
    void aWriteOutlivesItsProcess() throws IOException, InterruptedException {
        outlive(false);
    }

    /** The same with a spare that was there before, under both of its filters. */
    @Test
    void aSpareCarriesOutWhatItsPredecessorBegan() throws IOException, InterruptedException {
        outlive(true);
    }

    /**
     * The program as it runs in a machine, its threads on a qcow2 image, killed at any moment: each of its lives is lived again ten times, without images
     * and threads, and each successor begins with a state that its predecessor has come by.
     */
    @Test
    void itsLivesCanBeLivedAgain() throws Exception {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        Path qcow2 = qemuImage("disk.qcow2", "-f", "qcow2");
        Map<String, String> entries =
                Map.of("0.format", "qcow2", "0.io-threads", "3", "0.cache", "writethrough", "0.serial", "disk-0");
        List<TraceBuffer> lives = new ArrayList<>();
        try (Fd image = open(qcow2);
                LiveBlock live = new LiveBlock(1, entries, Map.of("0.image", image))) {
            live.record();
            live.start();
            live.setUp(0);
            for (int i = 0; i < 2; i++) {
                everything(live, 0, "disk-0");
                live.offer(0, join(header(OUT, 160L * i), pattern(seed + i, BYTES)), 1);
                LockSupport.parkNanos(random.nextInt(2_000_000));
                live.kill();
                lives.add(live.recorded());
                if (i == 0) {
                    live.start();
                } else {
                    live.startSpare(); // what it needs to be recorded is there before its jail closes
                    live.assign();
                }
                assertEquals(OK, status(live.take(0, 1)), "seed " + seed);
            }
            everything(live, 0, "disk-0");
            assertEquals(new ExitStatus.Exited(ProcessExit.STOPPED.code()), live.stop());
            lives.add(live.recorded());
        }
        Map<Long, Integer> states = new HashMap<>();
        for (TraceBuffer life : lives) {
            states = liveAgain(life, states);
        }
    }

    /** What state each transaction had; those of the predecessor must have the one that this life began with. */
    private static Map<Long, Integer> liveAgain(TraceBuffer life, Map<Long, Integer> before) throws Exception {
        Map<Long, Integer> states = new HashMap<>();
        Set<String> results = new HashSet<>();
        for (int i = 0; i < 10; i++) {
            states.clear();
            CoreReplay.Watcher watcher = (transaction, state) -> {
                CRC32C crc = new CRC32C();
                crc.update(state.byteBuffer().duplicate().clear());
                if (states.isEmpty() && !before.isEmpty()) {
                    assertEquals(before.get(transaction), (int) crc.getValue(), "state of transaction " + transaction);
                }
                states.put(transaction, (int) crc.getValue());
                return true;
            };
            try (CoreReplay replay = new CoreReplay(new VirtioProcess(new BlockFactory()), life.source(), watcher)) {
                CoreReplay.Result result = replay.run();
                assertTrue(result.same(), result.toString());
                results.add(result.toString());
            }
        }
        assertEquals(1, results.size(), () -> String.join("\n", results));
        System.out.println("block: lived again ten times: " + results.iterator().next());
        return states;
    }

    private void outlive(boolean spare) throws IOException, InterruptedException {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        Path qcow2 = qemuImage("disk.qcow2", "-f", "qcow2");
        Map<String, String> entries = Map.of("0.format", "qcow2", "0.cache", "writethrough");
        try (Fd image = open(qcow2);
                LiveBlock live = new LiveBlock(1, entries, Map.of("0.image", image))) {
            live.start();
            live.setUp(0);
            for (int i = 0; i < 8; i++) {
                byte[] data = pattern(seed + i, BYTES);
                live.offer(0, join(header(OUT, 160L * i), data), 1);
                LockSupport.parkNanos(random.nextInt(2_000_000));
                live.kill();
                if (spare) {
                    live.startSpare();
                    long ns = live.assign();
                    System.out.println("block: a spare took over in " + ns / 1_000 + " us; " + live.lastLine);
                } else {
                    live.start();
                }
                assertEquals(OK, status(live.take(0, 1)), "seed " + seed);
                byte[] answer = live.request(0, header(IN, 160L * i), BYTES + 1);
                assertArrayEquals(data, Arrays.copyOf(answer, BYTES), "seed " + seed + ", write " + i);
            }
            assertEquals(new ExitStatus.Exited(ProcessExit.STOPPED.code()), live.stop());
        }
        int check = new ProcessBuilder("qemu-img", "check", "-q", qcow2.toString())
                .inheritIO()
                .start()
                .waitFor();
        assertTrue(check == 0 || check == 3, "qemu-img check: " + check + " (3: leaked clusters)");
    }
}
