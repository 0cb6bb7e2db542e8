package io.jvmm.device.api;

import io.jvmm.ipc.boot.ProcessExit;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** A device that lives its whole life on another thread, with a scratch supervisor to talk to. */
final class LiveDevice implements AutoCloseable {

    final ScratchSupervisor peer;
    final Thread thread;
    private final CompletableFuture<ProcessExit> exit = new CompletableFuture<>();

    LiveDevice(DeviceFactory factory, String... entries) {
        this(factory, new ScratchSupervisor(factory, 0), entries);
    }

    LiveDevice(DeviceFactory factory, ScratchSupervisor peer, String... entries) {
        this(peer, factory);
        peer.boot(new byte[0], entries);
    }

    /** One that waits as a spare; of the narrow filter only the hash matters, since nothing is installed. */
    static LiveDevice spare(DeviceFactory factory, byte[] narrow) {
        return spare(factory, new ScratchSupervisor(factory, 0), narrow);
    }

    static LiveDevice spare(DeviceFactory factory, ScratchSupervisor peer, byte[] narrow) {
        LiveDevice device = new LiveDevice(peer, factory);
        peer.bootStandby(new byte[0], narrow);
        return device;
    }

    private LiveDevice(ScratchSupervisor peer, DeviceFactory factory) {
        this.peer = peer;
        thread = Thread.ofPlatform().name("device").start(() -> {
            try {
                exit.complete(DeviceMain.live(
                        DeviceProcess.receive(factory, peer.deviceControl(), factory.exampleConfig()), factory));
            } catch (StageException e) {
                exit.complete(e.exit());
            } catch (Throwable e) {
                exit.completeExceptionally(e);
            }
        });
    }

    ProcessExit awaitExit() {
        return exit.copy().orTimeout(60, TimeUnit.SECONDS).join();
    }

    boolean ended() {
        return exit.isDone();
    }

    @Override
    public void close() {
        if (!exit.isDone()) {
            peer.die();
            awaitExit();
        }
        peer.close();
    }
}
