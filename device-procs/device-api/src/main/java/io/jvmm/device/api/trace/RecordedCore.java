package io.jvmm.device.api.trace;

import io.jvmm.device.api.DeviceCore;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.trace.RecordingTape;
import org.jspecify.annotations.Nullable;

/**
 * A core that is recorded, given to the runtime in the place of the core itself: every call is on the tape before it is made, and what it gives back behind it. {@link #nextDeadlineNs} and
 * {@link #hasWork} follow from the state. Device thread; allocates nothing.
 */
public final class RecordedCore extends RecordedPorts implements DeviceCore {
    static final int WIDTH_SHIFT = 32;

    private final DeviceCore core;
    private final RecordingTape tape;

    public RecordedCore(DeviceCore core, RecordingTape tape) {
        super(core, tape, 0);
        this.core = core;
        this.tape = tape;
    }

    /** The core itself: for a factory whose back ends join its parts. */
    public static DeviceCore unwrap(DeviceCore core) {
        return core instanceof RecordedCore recorded ? recorded.core : core;
    }

    /** The tape of a core that is recorded, or null. */
    public static @Nullable RecordingTape tapeOf(DeviceCore core) {
        return core instanceof RecordedCore recorded ? recorded.tape : null;
    }

    static long place(int region, int widthBytes) {
        return (long) widthBytes << WIDTH_SHIFT | region;
    }

    @Override
    public long read(int region, int offset, int widthBytes, long nowNs) {
        tape.call(DeviceCall.READ.code(), place(region, widthBytes), offset, 0, nowNs);
        long value = core.read(region, offset, widthBytes, nowNs);
        tape.output(DeviceCall.READ.code(), value, 0, 0);
        return value;
    }

    @Override
    public void write(int region, int offset, int widthBytes, long value, long nowNs) {
        tape.call(DeviceCall.WRITE.code(), place(region, widthBytes), offset, value, nowNs);
        core.write(region, offset, widthBytes, value, nowNs);
    }

    @Override
    public void kick(int queue, long nowNs) {
        tape.call(DeviceCall.KICK.code(), queue, 0, 0, nowNs);
        core.kick(queue, nowNs);
    }

    @Override
    public void reset(long nowNs) {
        tape.call(DeviceCall.RESET.code(), 0, 0, 0, nowNs);
        core.reset(nowNs);
    }

    @Override
    public void timer(long nowNs) {
        tape.call(DeviceCall.TIMER.code(), 0, 0, 0, nowNs);
        core.timer(nowNs);
    }

    @Override
    public long nextDeadlineNs() {
        return core.nextDeadlineNs();
    }

    @Override
    public void resample(int line, long nowNs) {
        tape.call(DeviceCall.RESAMPLE.code(), line, 0, 0, nowNs);
        core.resample(line, nowNs);
    }

    @Override
    public void powerButton(long nowNs) {
        tape.call(DeviceCall.POWER_BUTTON.code(), 0, 0, 0, nowNs);
        core.powerButton(nowNs);
    }

    @Override
    public void work(long nowNs) {
        tape.call(DeviceCall.WORK.code(), 0, 0, 0, nowNs);
        core.work(nowNs);
    }

    @Override
    public boolean hasWork() {
        return core.hasWork();
    }

    /** With the time that a replay knows, too. */
    @Override
    public void committed(long nowNs) {
        core.committed(tape.lastNowNs());
    }

    @Override
    public boolean hostRequest(SupervisorRequestType request, long argument, long nowNs) {
        tape.call(DeviceCall.HOST_REQUEST.code(), request.number(), argument, 0, nowNs);
        boolean mine = core.hostRequest(request, argument, nowNs);
        tape.output(DeviceCall.HOST_REQUEST.code(), mine ? 1 : 0, 0, 0);
        return mine;
    }

    @Override
    public void resumed(long pausedNs, long nowNs) {
        tape.call(DeviceCall.RESUMED.code(), pausedNs, 0, 0, nowNs);
        core.resumed(pausedNs, nowNs);
    }

    @Override
    public void resume(long nowNs) {
        tape.call(DeviceCall.RESUME.code(), 0, 0, 0, nowNs);
        core.resume(nowNs);
    }
}
