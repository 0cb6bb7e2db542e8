package io.jvmm.device.api;

import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.message.DeviceEventHandler;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.FileIo;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.locks.LockSupport;

/** An exercise over real links, with a device that runs on another thread in real time. */
final class LiveExercise implements Exercise {

    private static final int CHUNK_BYTES = 4096;
    private static final long LONGEST_PAUSE_NS = 1_000_000;

    private final ScratchSupervisor supervisor;
    private final DeviceEventHandler events = new IgnoredDeviceEvents();
    private final MemorySegment bytes = Arena.ofAuto().allocate(CHUNK_BYTES);

    LiveExercise(ScratchSupervisor supervisor) {
        this.supervisor = supervisor;
    }

    @Override
    public void read(int region, int offset, int widthBytes) {
        supervisor.board().read(0, region, offset, widthBytes);
        supervisor.board().pollEvents(events, 64);
    }

    @Override
    public void write(int region, int offset, int widthBytes, long value) {
        supervisor.board().write(0, region, offset, widthBytes, value);
    }

    @Override
    public void kick(int queue) {
        supervisor.board().kick(0, queue);
    }

    @Override
    public GuestMemory memory() {
        return supervisor.memory();
    }

    @Override
    public void hostInput(int port, String text) {
        if (port >= supervisor.hostPorts()) {
            return;
        }
        for (int i = 0; i < text.length(); i++) {
            bytes.set(ValueLayout.JAVA_BYTE, i, (byte) text.charAt(i));
        }
        FileIo.tryWrite(supervisor.hostIn(port).writer(), bytes, 0, text.length());
    }

    /** Real time passes by itself; the host's side is emptied, and the device gets a moment. */
    @Override
    public void advance(long durationNs) {
        LockSupport.parkNanos(Math.min(durationNs, LONGEST_PAUSE_NS));
        for (int port = 0; port < supervisor.hostPorts(); port++) {
            FileIo.tryRead(supervisor.hostOut(port).reader(), bytes, 0, CHUNK_BYTES);
        }
    }

    @Override
    public void resample(int line) {
        supervisor.resample(line).signal();
    }

    @Override
    public void powerButton() {
        supervisor.request(SupervisorRequestType.POWER_BUTTON);
    }
}
