package io.jvmm.supervisor.launch;

import io.jvmm.ipc.sys.UnixSocket;
import io.jvmm.supervisor.config.UidRange;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a test kills: holds uids, a socket, a link and a scratch file like a supervisor, says so, and waits. */
final class HoldingProgram {
    private HoldingProgram() {}

    public static void main(String[] args) throws Exception {
        Path outside = Path.of(args[1]);
        RuntimeDirectory runtime = RuntimeDirectory.open(Path.of(args[0]));
        UidAllocator.Lease lease = new UidAllocator(runtime).lease(UidRange.parse(args[2]), 3);
        runtime.willMake(outside.resolve("socket"));
        UnixSocket socket = UnixSocket.listen(outside.resolve("socket"), 1);
        runtime.willMake(outside.resolve("link"));
        Files.createSymbolicLink(outside.resolve("link"), Path.of("/dev/null"));
        runtime.willMake(outside.resolve("data"));
        Files.writeString(outside.resolve("data"), "somebody's");
        Files.writeString(runtime.scratch().resolve("kernel"), "x");
        System.out.println(lease.uids() + " " + socket.fd());
        int end = System.in.read();
        System.out.println(end);
    }
}
