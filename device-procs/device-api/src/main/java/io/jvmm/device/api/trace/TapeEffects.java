package io.jvmm.device.api.trace;

import io.jvmm.device.api.DeviceEffects;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.trace.Tape;

/** Effects of a device on a tape: taken down and passed on, or compared in a replay, where {@code next} does nothing. Device thread; allocates nothing. */
final class TapeEffects implements DeviceEffects {
    private final Tape tape;
    private final DeviceEffects next;

    TapeEffects(Tape tape, DeviceEffects next) {
        this.tape = tape;
        this.next = next;
    }

    @Override
    public void interrupt(int line) {
        tape.output(DeviceCall.INTERRUPT.code(), line, 0, 0);
        next.interrupt(line);
    }

    @Override
    public void interruptLevel(int line, boolean asserted) {
        tape.output(DeviceCall.INTERRUPT_LEVEL.code(), line, asserted ? 1 : 0, 0);
        next.interruptLevel(line, asserted);
    }

    @Override
    public void guestError(int code, long detail) {
        tape.output(DeviceCall.GUEST_ERROR.code(), code, detail, 0);
        next.guestError(code, detail);
    }

    @Override
    public void configChanged(int function, int generation) {
        tape.output(DeviceCall.CONFIG_CHANGED.code(), function, generation, 0);
        next.configChanged(function, generation);
    }

    @Override
    public void needsReset(int function, int reason) {
        tape.output(DeviceCall.NEEDS_RESET.code(), function, reason, 0);
        next.needsReset(function, reason);
    }

    @Override
    public void power(PowerAction action, PowerOrigin origin) {
        tape.output(DeviceCall.POWER.code(), action.number(), origin.number(), 0);
        next.power(action, origin);
    }
}
