package io.jvmm.vcpu.main;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorEventHandler;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.vcpu.board.AddressMap;
import io.jvmm.vcpu.board.Board;
import io.jvmm.vcpu.board.WindowSpec;
import io.jvmm.vcpu.engine.BootState;
import io.jvmm.vcpu.engine.Engine;
import io.jvmm.vcpu.engine.Vcpu;
import io.jvmm.vcpu.kvm.KvmEngine;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Pausing and resuming a guest that never exits by itself, and a processor that waits for its SIPI, on real KVM. */
@Tag("kvm")
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class KvmPauseTest {
    private static final int PAUSES = 20;
    private static final int CODE = 0x1000;
    private static final int COUNTER = 0x2000;

    /** inc dword [0x2000]; jmp back: counts while it runs. */
    private static final byte[] COUNT_FOR_EVER = {(byte) 0x66, (byte) 0xff, 0x06, 0x00, 0x20, (byte) 0xeb, (byte) 0xf9};

    /** A supervisor that pauses again and again, and looks whether the guest stands still meanwhile. */
    private static final class Pauser implements Runnable, SupervisorEventHandler {
        private static final int MANY_NAPS = 15_000;

        private final SupervisorEndpoint endpoint;
        private final Mapping ram;
        private volatile boolean finished;
        private int pauses;
        private int moved;
        private int stood;
        private int last;

        Pauser(SupervisorEndpoint endpoint, Mapping ram) {
            this.endpoint = endpoint;
            this.ram = ram;
        }

        @Override
        public void run() {
            endpoint.send(SupervisorRequestType.START);
            while (!finished) {
                if (endpoint.pollEvents(this, 16) == 0) {
                    nap();
                }
            }
        }

        @Override
        public void ack(SupervisorRequestType request, int status) {
            assertEquals(0, status);
            switch (request) {
                case START, RESUME -> {
                    nap();
                    for (int i = 0; counter() == last && i < MANY_NAPS; i++) {
                        nap(); // a busy host has not yet run the guest
                    }
                    endpoint.send(SupervisorRequestType.PAUSE);
                }
                case PAUSE -> {
                    final int now = counter();
                    nap();
                    stood += counter() == now ? 1 : 0;
                    moved += now != last ? 1 : 0;
                    last = now;
                    endpoint.send(++pauses < PAUSES ? SupervisorRequestType.RESUME : SupervisorRequestType.STOP);
                }
                default -> finished = true;
            }
        }

        private int counter() {
            return ram.segment().get(ValueLayout.JAVA_INT, COUNTER);
        }

        private static void nap() {
            try {
                TimeUnit.MILLISECONDS.sleep(2);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public void ready(long monotonicNs, byte[] filterHash, int threads) {}

        @Override
        public void log(LogLevel level, String text) {}

        @Override
        public void counter(int id, long value) {}

        @Override
        public void guestStopped(StopCause cause, int vcpu, long rip, long detail) {
            finished = true;
        }

        @Override
        public void deviceHung(int deviceIndex, long waitedNs) {}

        @Override
        public void peerViolation(int deviceIndex, Violation violation) {}

        @Override
        public void escape(int port, int what) {}

        @Override
        public void firstInstruction(long monotonicNs) {}

        @Override
        public void backendLost(int port, int errno) {}
    }

    @Test
    void aPausedGuestStandsStillAndARunningOneMoves() throws InterruptedException {
        try (Fd kvm = VcpuLifeTest.openKvm();
                Mapping ram = Mapping.anonymous(64 << 10);
                LinkMemory link = LinkMemory.create(LinkSpec.supervisor());
                EventFd requests = EventFd.create();
                EventFd events = EventFd.create();
                EventFd attention = EventFd.create();
                Engine engine = KvmEngine.create(kvm, 2)) {
            engine.mapMemory(0, 0, ram.lengthBytes(), ram.segment(), false);
            for (int i = 0; i < COUNT_FOR_EVER.length; i++) {
                ram.segment().set(ValueLayout.JAVA_BYTE, CODE + i, COUNT_FOR_EVER[i]);
            }
            final List<Vcpu> vcpus = List.of(engine.createVcpu(0), engine.createVcpu(1));
            vcpus.getFirst().setBootState(BootState.real(0, CODE));
            engine.prepare();
            final Board board = new Board(
                    new ProcessEndpoint(link, requests, events),
                    attention,
                    null,
                    List.of(),
                    vcpus,
                    new Board.Maps(
                            AddressMap.builder(WindowSpec.Space.PIO).build(),
                            AddressMap.builder(WindowSpec.Space.MMIO).build()),
                    WaitPolicy.DEFAULT_TIMEOUT_NS);
            final Pauser pauser = new Pauser(new SupervisorEndpoint(link, requests, events), ram);
            final Thread supervisor = new Thread(pauser, "pauser");
            supervisor.start();
            board.startThreads();
            assertEquals(Board.End.STOPPED, board.serve());
            supervisor.join();
            assertEquals(PAUSES, pauser.pauses);
            assertEquals(PAUSES, pauser.stood, "pauses in which the guest stood still");
            assertEquals(PAUSES, pauser.moved, "runs in which the guest moved");
        }
    }
}
