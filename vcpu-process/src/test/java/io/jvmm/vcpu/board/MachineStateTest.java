package io.jvmm.vcpu.board;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.message.EngineKind;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.state.CommittedState;
import io.jvmm.ipc.state.StateFormatException;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.vcpu.board.MachineStateLayout.Moment;
import io.jvmm.vcpu.engine.BootState;
import io.jvmm.vcpu.engine.Engine;
import io.jvmm.vcpu.engine.TestMachine;
import io.jvmm.vcpu.x86.X86Engine;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Proxy;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** When a machine's state is committed, and what its header says: with the software processor, which can save. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class MachineStateTest {
    private static final long PATIENT_NS = 30_000_000_000L;
    private static final int COUNTER = 0x2000;

    /** Counts for ever at 2000 and in ESI: inc esi; mov [0x2000], esi; jmp. */
    private static final String COUNT = "46 89 35 00 20 00 00 eb f7";

    private final MemFd memfd = MemFd.createEmpty("test-vcpu-state");

    private static TestMachine machine(String code) {
        return TestMachine.start(X86Engine::create, 2, BootState.pvh(TestMachine.CODE, 0, 0, 0), code);
    }

    private BoardRig rig(TestMachine machine) {
        final MachineState state = MachineState.open(memfd.fd().duplicate(), EngineKind.X86, machine.engine, 2, null);
        assertNotNull(state);
        final BoardRig rig = new BoardRig(List.of(machine.vcpus), PATIENT_NS);
        rig.board.keepStateIn(state);
        return rig;
    }

    private CommittedState read() {
        return CommittedState.read(memfd.fd());
    }

    private static int u32(CommittedState state, int offset) {
        return state.state().getInt(offset, ByteOrder.LITTLE_ENDIAN);
    }

    /** The engine's part. */
    private static MemorySegment part(CommittedState state) {
        final byte[] bytes = new byte[state.state().capacity() - MachineStateLayout.LENGTH_BYTES];
        state.state().getBytes(MachineStateLayout.LENGTH_BYTES, bytes);
        return MemorySegment.ofArray(bytes);
    }

    private static void ack(BoardRig rig, SupervisorRequestType request) {
        rig.events.clear();
        rig.send(request);
        rig.hear("ack " + request + " 0");
    }

    @Test
    void headerIsAsDrawn() {
        assertEquals(MachineStateLayout.LENGTH_BYTES, MachineStateLayout.STATE_V2.byteSize());
        final String[] names = {
            "engine", "moment", "cause", "stoppedVcpu", "vcpus", "engineVersion", "stoppedRip", "savedAtNs", "busBytes"
        };
        final int[] offsets = {
            MachineStateLayout.ENGINE,
            MachineStateLayout.MOMENT,
            MachineStateLayout.CAUSE,
            MachineStateLayout.VCPU,
            MachineStateLayout.VCPUS,
            MachineStateLayout.ENGINE_VERSION,
            MachineStateLayout.RIP,
            MachineStateLayout.SAVED_AT_NS,
            MachineStateLayout.BUS_BYTES
        };
        for (int i = 0; i < names.length; i++) {
            assertEquals(
                    offsets[i], MachineStateLayout.STATE_V2.byteOffset(PathElement.groupElement(names[i])), names[i]);
        }
        assertEquals("paused", Moment.text(Moment.PAUSED.number()));
        assertEquals("in no state that is known", Moment.text(-1));
    }

    @Test
    void theLifeOfAMachine() {
        try (TestMachine machine = machine(COUNT);
                BoardRig rig = rig(machine)) {
            final CommittedState built = read();
            assertEquals(MachineStateLayout.DEVICE_ID, built.deviceId());
            assertEquals(MachineStateLayout.VERSION, built.version());
            assertEquals(1, built.sequence());
            assertEquals(EngineKind.X86.number(), u32(built, MachineStateLayout.ENGINE));
            assertEquals(Moment.BUILT.number(), u32(built, MachineStateLayout.MOMENT));
            assertEquals(2, u32(built, MachineStateLayout.VCPUS));
            assertEquals(1, u32(built, MachineStateLayout.ENGINE_VERSION));
            rig.up();
            ack(rig, SupervisorRequestType.START);
            assertEquals(Moment.RUNNING.number(), u32(read(), MachineStateLayout.MOMENT));
            int last = 0;
            for (int i = 0; i < 20; i++) {
                final int before = last;
                rig.await("progress", () -> counter(machine) != before);
                ack(rig, SupervisorRequestType.PAUSE);
                last = counter(machine);
                final CommittedState paused = read();
                assertEquals(Moment.PAUSED.number(), u32(paused, MachineStateLayout.MOMENT));
                final int esi = (int) part(paused).get(ValueLayout.JAVA_LONG_UNALIGNED, 408 + 8 + 6 * 8);
                assertTrue(esi == last || esi == last + 1, "ESI " + esi + ", in memory " + last);
                final MemorySegment state = part(paused);
                try (TestMachine other = TestMachine.protected32(X86Engine::create, "fa f4")) {
                    assertThrows(IllegalArgumentException.class, () -> other.engine.loadState(state), "two vCPUs");
                }
                ack(rig, SupervisorRequestType.RESUME);
            }
            rig.events.clear();
            rig.send(SupervisorRequestType.STOP);
            rig.hear("ack STOP 0");
            final CommittedState stopped = read();
            assertEquals(Moment.STOPPED.number(), u32(stopped, MachineStateLayout.MOMENT));
            assertEquals(0, u32(stopped, MachineStateLayout.CAUSE));
            assertTrue(stopped.sequence() > 40, "commits " + stopped.sequence());
        }
    }

    private static int counter(TestMachine machine) {
        return machine.ram.segment().get(ValueLayout.JAVA_INT, COUNTER);
    }

    /** What another engine is loaded with when this one's machine is paused: the guest does not notice. */
    @Test
    void aPausedMachineGoesOnElsewhere() {
        try (TestMachine machine = machine(COUNT);
                BoardRig rig = rig(machine).up()) {
            ack(rig, SupervisorRequestType.START);
            rig.await("progress", () -> counter(machine) != 0);
            ack(rig, SupervisorRequestType.PAUSE);
            final int last = counter(machine);
            try (TestMachine other = machine("f4")) {
                other.ram.segment().copyFrom(machine.ram.segment());
                other.engine.loadState(part(read()));
                final Thread kicker = Thread.ofPlatform().start(() -> {
                    while (counter(other) - last < 100_000) {
                        Thread.onSpinWait();
                    }
                    other.vcpu().kick();
                });
                other.vcpu().run();
                assertTrue(other.vcpu().settle());
                assertEquals(
                        counter(other), (int) other.vcpu().snapshot().general().rsi(), 1);
                join(kicker);
            }
        }
    }

    @Test
    void aCrashSaysWhereItWas() {
        try (TestMachine machine = machine("90 0f 0b"); // nop; ud2 without an interrupt table
                BoardRig rig = rig(machine).up()) {
            ack(rig, SupervisorRequestType.START);
            rig.await(
                    "the crash", () -> rig.events.stream().anyMatch(e -> e.startsWith("stopped " + StopCause.CRASHED)));
            final CommittedState state = read();
            assertEquals(Moment.STOPPED.number(), u32(state, MachineStateLayout.MOMENT));
            assertEquals(StopCause.CRASHED.number(), u32(state, MachineStateLayout.CAUSE));
            assertEquals(0, u32(state, MachineStateLayout.VCPU));
            assertEquals(TestMachine.CODE + 1, u32(state, MachineStateLayout.RIP));
            // RIP in the engine's part too, and the processor shut down.
            assertEquals(TestMachine.CODE + 1, part(state).get(ValueLayout.JAVA_LONG_UNALIGNED, 408 + 8 + 128));
            assertEquals(1, part(state).get(ValueLayout.JAVA_BYTE, 408 + 8 + 1205));
            ack(rig, SupervisorRequestType.PAUSE);
            assertEquals(Moment.STOPPED.number(), u32(read(), MachineStateLayout.MOMENT), "still");
        }
    }

    @Test
    void anEngineThatCannotSaveLeavesTheMemfdEmpty() {
        final Engine mute = (Engine) Proxy.newProxyInstance(
                Engine.class.getClassLoader(),
                new Class<?>[] {Engine.class},
                (_, method, _) -> switch (method.getName()) {
                    case "stateLengthBytes" -> 0;
                    default -> throw new AssertionError(method.getName());
                });
        assertNull(MachineState.open(memfd.fd().duplicate(), EngineKind.KVM, mute, 1, null));
        assertEquals(0, FileIo.size(memfd.fd()));
    }

    /** One of two vCPUs into a segment for one. */
    @Test
    void aSegmentOfAnotherMachineIsRefused() {
        try (TestMachine one = TestMachine.protected32(X86Engine::create, "f4");
                TestMachine two = machine("f4")) {
            MachineState.open(memfd.fd().duplicate(), EngineKind.X86, two.engine, 2, null);
            assertThrows(
                    StateFormatException.class,
                    () -> MachineState.open(memfd.fd().duplicate(), EngineKind.X86, one.engine, 1, null));
        }
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
