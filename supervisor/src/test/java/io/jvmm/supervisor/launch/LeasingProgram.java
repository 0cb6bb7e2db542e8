package io.jvmm.supervisor.launch;

import io.jvmm.supervisor.config.UidRange;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/** One of several that race for uids: marks each uid it holds with a file, and finds a file there if it is not alone. */
final class LeasingProgram {
    private LeasingProgram() {}

    public static void main(String[] args) throws Exception {
        Path marks = Path.of(args[1]);
        int rounds = Integer.parseInt(args[2]);
        Random random = new Random(Long.parseLong(args[3]));
        RuntimeDirectory runtime = RuntimeDirectory.open(Path.of(args[0]));
        UidAllocator allocator = new UidAllocator(runtime);
        UidRange range = UidRange.parse("200000-200011");
        for (int i = 0; i < rounds; i++) {
            try (UidAllocator.Lease lease = allocator.lease(range, 3)) {
                for (int uid : lease.uids()) {
                    mark(marks.resolve(Integer.toString(uid)));
                }
                Thread.sleep(random.nextInt(3));
                for (int uid : lease.uids()) {
                    Files.delete(marks.resolve(Integer.toString(uid)));
                }
            }
        }
        System.out.println("held " + rounds);
        runtime.close();
    }

    private static void mark(Path file) throws IOException {
        try {
            Files.createFile(file);
        } catch (FileAlreadyExistsException e) {
            System.out.println("two hold " + file.getFileName());
            Runtime.getRuntime().halt(1);
        }
    }
}
