package io.jvmm.device.api;

/** An adopted state segment holds what no running device can have written. The device does not start from it. */
public final class StateRejectedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Names the field, its value and what is allowed. */
    public StateRejectedException(String message) {
        super(message);
    }
}
