package io.jvmm.it;

import io.jvmm.ipc.sys.Syscall;
import org.jspecify.annotations.Nullable;

/** A network namespace of one's own, for as long as somebody lives in it. Root, or under {@code unshare -Urn}. */
public final class NetworkNamespace {
    private static final int UNSHARE = 272;
    private static final int CLONE_NEWNET = 0x4000_0000;

    private NetworkNamespace() {}

    /** What is done inside. */
    public interface Body {
        void run() throws Exception;
    }

    /**
     * Does it on a thread in a new namespace: the thread's sockets and the programs it starts are there.
     *
     * @throws AssertionError whatever {@code body} failed with, as its cause
     */
    public static void run(Body body) throws InterruptedException {
        @Nullable Throwable[] failure = new @Nullable Throwable[1];
        Thread thread = Thread.ofPlatform().name("namespace").start(() -> {
            try {
                if (Syscall.isError(Syscall.call(UNSHARE, CLONE_NEWNET))) {
                    throw new AssertionError("no right to make a network namespace: be root, or use unshare -Urn");
                }
                body.run();
            } catch (Throwable e) { // whatever it is, it is the caller's
                failure[0] = e;
            }
        });
        thread.join();
        Throwable reason = failure[0];
        if (reason != null) {
            throw new AssertionError(reason.getMessage(), reason);
        }
    }
}
