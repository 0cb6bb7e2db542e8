package io.jvmm.supervisor.journal;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootFormatException;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.message.FilterHash;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.policy.sys.Seccomp;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Map;
import org.agrona.concurrent.UnsafeBuffer;

/** The recorder process: its life in stages. It ends with a code of {@link ProcessExit}. */
public final class RecorderMain {
    private static final int CONTROL_FD = 3;
    private static final long BOOT_TIMEOUT_NS = 10_000_000_000L;

    private RecorderMain() {}

    public static void main(String... args) {
        ProcessExit exit;
        try {
            exit = live();
        } catch (BootFormatException e) {
            System.err.println(
                    "jvmm-recorder: no boot record: " + e.getMessage() + "; jvmm-supervisor starts this program");
            exit = ProcessExit.BOOT_FAILED;
        } catch (JournalException | IOException e) {
            System.err.println("jvmm-recorder: " + e.getMessage());
            exit = ProcessExit.HOST_ERROR;
        } catch (SysException e) {
            System.err.println("jvmm-recorder: " + e.getMessage());
            exit = ProcessExit.JAIL_FAILED;
        } catch (Throwable e) { // whatever it is, the supervisor must see the code of a bug, not a hanging process
            e.printStackTrace();
            exit = ProcessExit.INTERNAL_ERROR;
        }
        System.err.flush();
        Runtime.getRuntime().halt(exit.code());
    }

    private static ProcessExit live() throws JournalException, IOException {
        BootChannel supervisor = BootChannel.over(Fd.of(CONTROL_FD));
        BootRecord record = supervisor.receive(BOOT_TIMEOUT_NS);
        Path directory = Path.of(record.text(RecorderWords.DIRECTORY));
        Bounds bounds = new Bounds(
                record.longInteger(RecorderWords.BOUNDS_BYTES),
                Duration.ofSeconds(record.longInteger(RecorderWords.BOUNDS_AGE_S)),
                record.longInteger(RecorderWords.LIFE_BYTES));
        KernelRandom.install();
        warmUp(directory); //                               Chronicle Queue's classes and threads, on a scratch journal
        byte[] filter = record.bytes(RecorderWords.NARROW);
        byte[] hash = FilterHash.of(filter);
        if (!record.text(RecorderWords.JAIL).equals("off")) {
            Seccomp.installNarrow(filter); //               from here on it may meet hostile traces
        }
        supervisor.send(BootRecord.builder()
                .put(RecorderWords.DO, RecorderWords.READY)
                .put(RecorderWords.FILTER, HexFormat.of().formatHex(hash))
                .build());
        try (Recorder recorder = new Recorder(directory, bounds, supervisor)) {
            return recorder.run();
        }
    }

    /** A life is written, read and removed, so that what that loads is there before the filter closes. */
    private static void warmUp(Path directory) throws JournalException, IOException {
        Path scratch = directory.resolve(JournalDirectory.WARM_UP);
        if (Files.exists(scratch)) {
            JournalDirectory.removeTree(scratch); // of a recorder that died in its warm-up
        }
        JournalDirectory journal = new JournalDirectory(scratch);
        Life life = journal.begin("scratch", "scratch", Instant.now());
        UnsafeBuffer batch = new UnsafeBuffer(new byte[4096]);
        for (int part = 0; part < 2; part++) {
            try (LifeWriter writer = new LifeWriter(life.directory(), part * 512L, batch.capacity())) {
                for (int n = 0; n < 512; n++) { // over the border of a block of the file
                    writer.append(batch, 0, batch.capacity(), n);
                }
            }
        }
        try (LifeReader reader = new LifeReader(life.directory())) {
            while (reader.next()) {
                // All of it.
            }
        }
        life.note(Map.of(LifeNotes.ENDED, "warm-up"));
        journal.lives();
        journal.requireThere();
        var _ = directory.toFile().getUsableSpace();
        JournalDirectory.remove(life);
        JournalDirectory.removeTree(scratch);
    }
}
