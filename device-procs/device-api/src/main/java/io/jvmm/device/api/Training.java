package io.jvmm.device.api;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.message.SupervisorRequestType;
import java.util.HexFormat;

/**
 * The training run of the build: the device lives its whole life, from boot record to STOP, against a scratch supervisor
 * on a second thread, so that the AOT cache holds every class a jailed process can need. Its filter allows everything.
 */
final class Training {

    private static final int ROUNDS = 3;

    /** One instruction, BPF_RET | BPF_K SECCOMP_RET_ALLOW: the jail closes as in life, around nothing. */
    private static final byte[] ALLOW_ALL = HexFormat.of().parseHex("060000000000ff7f");

    private Training() {}

    static void run(DeviceFactory factory) {
        live(factory, false);
        live(factory, true);
        System.out.println(factory.identity().name() + ": trained");
    }

    private static void live(DeviceFactory factory, boolean spare) {
        try (ScratchSupervisor supervisor = new ScratchSupervisor(factory, 0)) {
            Thread peer = Thread.ofPlatform().name("scratch supervisor").start(() -> drive(supervisor, factory, spare));
            if (spare) {
                supervisor.bootStandby(ALLOW_ALL, ALLOW_ALL);
            } else {
                supervisor.boot(ALLOW_ALL);
            }
            DeviceProcess process = DeviceProcess.receive(factory, supervisor.deviceControl(), factory.exampleConfig());
            ClassPreloader.initialiseAll(factory);
            ProcessExit exit = live(process, factory);
            peer.join();
            if (exit != ProcessExit.STOPPED) {
                throw new IllegalStateException("the training run ended with " + exit);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** The peer's thread would go on with what a failure here unmaps under it: so that is the end of all. */
    private static ProcessExit live(DeviceProcess process, DeviceFactory factory) {
        try {
            return DeviceMain.live(process, factory);
        } catch (RuntimeException | Error e) {
            e.printStackTrace();
            Runtime.getRuntime().halt(ProcessExit.INTERNAL_ERROR.code());
            throw e;
        }
    }

    private static void drive(ScratchSupervisor supervisor, DeviceFactory factory, boolean spare) {
        supervisor.awaitReady();
        if (spare) {
            supervisor.request(SupervisorRequestType.PING);
            supervisor.assign();
            supervisor.awaitReady();
        }
        supervisor.request(SupervisorRequestType.START);
        LiveExercise machine = new LiveExercise(supervisor);
        for (int i = 0; i < ROUNDS; i++) {
            factory.exercise(machine);
        }
        supervisor.request(SupervisorRequestType.PAUSE);
        supervisor.request(SupervisorRequestType.RESUME);
        supervisor.request(SupervisorRequestType.STOP);
    }
}
