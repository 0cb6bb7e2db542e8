package io.jvmm.device.virtio.rig;

import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceEffects;
import io.jvmm.device.api.trace.DeviceCall;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.trace.Tape;
import org.jspecify.annotations.Nullable;

/** A virtio core whose calls are written down as they are made. */
final class TapedCore implements DeviceCore {
    private final DeviceCore core;
    private final Tape tape;
    private final @Nullable FetchTap reads;

    TapedCore(DeviceCore core, Tape tape, @Nullable FetchTap reads) {
        this.core = core;
        this.tape = tape;
        this.reads = reads;
    }

    /** Effects as outputs. */
    static DeviceEffects effects(Tape tape, DeviceEffects real) {
        return new DeviceEffects() {
            @Override
            public void interrupt(int line) {
                tape.output(DeviceCall.INTERRUPT.code(), line, 0, 0);
                real.interrupt(line);
            }

            @Override
            public void interruptLevel(int line, boolean asserted) {
                tape.output(DeviceCall.INTERRUPT_LEVEL.code(), line, asserted ? 1 : 0, 0);
                real.interruptLevel(line, asserted);
            }

            @Override
            public void guestError(int code, long detail) {
                tape.output(DeviceCall.GUEST_ERROR.code(), code, detail, 0);
                real.guestError(code, detail);
            }

            @Override
            public void power(PowerAction action, PowerOrigin origin) {
                real.power(action, origin);
            }

            @Override
            public void configChanged(int function, int generation) {
                tape.output(DeviceCall.CONFIG_CHANGED.code(), function, generation, 0);
                real.configChanged(function, generation);
            }

            @Override
            public void needsReset(int function, int reason) {
                tape.output(DeviceCall.NEEDS_RESET.code(), function, reason, 0);
                real.needsReset(function, reason);
            }
        };
    }

    private void call(DeviceCall call, long a, long b, long c, long nowNs) {
        if (reads != null) {
            reads.begin();
        }
        tape.call(call.code(), a, b, c, nowNs);
    }

    @Override
    public long read(int region, int offset, int widthBytes, long nowNs) {
        call(DeviceCall.READ, region | (long) widthBytes << 32, offset, 0, nowNs);
        long value = core.read(region, offset, widthBytes, nowNs);
        tape.output(DeviceCall.READ.code(), value, 0, 0);
        return value;
    }

    @Override
    public void write(int region, int offset, int widthBytes, long value, long nowNs) {
        call(DeviceCall.WRITE, region | (long) widthBytes << 32, offset, value, nowNs);
        core.write(region, offset, widthBytes, value, nowNs);
    }

    @Override
    public void kick(int queue, long nowNs) {
        call(DeviceCall.KICK, queue, 0, 0, nowNs);
        core.kick(queue, nowNs);
    }

    @Override
    public void reset(long nowNs) {
        call(DeviceCall.RESET, 0, 0, 0, nowNs);
        core.reset(nowNs);
    }

    @Override
    public void timer(long nowNs) {
        call(DeviceCall.TIMER, 0, 0, 0, nowNs);
        core.timer(nowNs);
    }

    @Override
    public long nextDeadlineNs() {
        return core.nextDeadlineNs();
    }

    @Override
    public void resample(int line, long nowNs) {
        call(DeviceCall.RESAMPLE, line, 0, 0, nowNs);
        core.resample(line, nowNs);
    }

    @Override
    public void work(long nowNs) {
        call(DeviceCall.WORK, 0, 0, 0, nowNs);
        core.work(nowNs);
    }

    @Override
    public boolean hasWork() {
        return core.hasWork();
    }

    @Override
    public void committed(long nowNs) {
        if (reads != null) {
            reads.begin();
        }
        core.committed(nowNs); // follows from the commit
    }

    @Override
    public boolean hostRequest(SupervisorRequestType request, long argument, long nowNs) {
        call(DeviceCall.HOST_REQUEST, request.number(), argument, 0, nowNs);
        boolean known = core.hostRequest(request, argument, nowNs);
        tape.output(DeviceCall.HOST_REQUEST.code(), known ? 1 : 0, 0, 0);
        return known;
    }

    @Override
    public void resumed(long pausedNs, long nowNs) {
        call(DeviceCall.RESUMED, pausedNs, 0, 0, nowNs);
        core.resumed(pausedNs, nowNs);
    }

    @Override
    public void resume(long nowNs) {
        call(DeviceCall.RESUME, 0, 0, 0, nowNs);
        core.resume(nowNs);
    }
}
