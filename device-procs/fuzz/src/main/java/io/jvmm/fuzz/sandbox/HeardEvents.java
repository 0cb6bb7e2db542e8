package io.jvmm.fuzz.sandbox;

import io.jvmm.ipc.message.DeviceEventHandler;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;

/** The device's events, as features. */
final class HeardEvents implements DeviceEventHandler {
    private final Feedback feedback;

    HeardEvents(Feedback feedback) {
        this.feedback = feedback;
    }

    @Override
    public void configChanged(int function, int generation) {
        feedback.note(Feedback.Kind.EVENT, 0, function);
    }

    @Override
    public void needsReset(int function, int reason) {
        feedback.note(Feedback.Kind.EVENT, 1, reason);
    }

    @Override
    public void guestError(int code, long detail) {
        feedback.note(Feedback.Kind.GUEST_ERROR, code, 0);
    }

    @Override
    public void power(PowerAction action, PowerOrigin origin) {
        feedback.note(Feedback.Kind.EVENT, 2 + action.number(), origin.number());
    }
}
