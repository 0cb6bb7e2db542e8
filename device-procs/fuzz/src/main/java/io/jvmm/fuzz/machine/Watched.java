package io.jvmm.fuzz.machine;

import io.jvmm.device.api.DeviceEffects;
import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.device.api.trace.DeviceCall;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import java.util.Arrays;

/** Where a device's effects go: counted, and refused where no device may do so. */
final class Watched implements DeviceEffects {

    private final FuzzTape tape;
    private final int lines;
    private final boolean[] level;
    /** Rising edges since {@link #forget}. */
    private final int[] edges;

    private final boolean[] asserted;
    private long guestErrors;
    private int interrupts;
    private boolean powered;

    Watched(DeviceIdentity identity, FuzzTape tape) {
        this.tape = tape;
        lines = identity.interrupts().size();
        level = new boolean[lines];
        for (int i = 0; i < lines; i++) {
            level[i] = identity.interrupts().get(i).level();
        }
        edges = new int[lines];
        asserted = new boolean[lines];
    }

    /** A new case. */
    void clear() {
        forget();
        Arrays.fill(asserted, false);
        guestErrors = 0;
        interrupts = 0;
        powered = false;
    }

    /** From now on edges are counted anew. */
    void forget() {
        Arrays.fill(edges, 0);
    }

    int edges(int line) {
        return edges[line];
    }

    boolean asserted(int line) {
        return asserted[line];
    }

    /** The guest ended it at its controller. */
    void lower(int line) {
        asserted[line] = false;
    }

    /** Of the case. */
    int interrupts() {
        return interrupts;
    }

    /** Whether the guest has had the machine reset or switched off. */
    boolean powered() {
        return powered;
    }

    long guestErrors() {
        return guestErrors;
    }

    private void check(int line, boolean wantsLevel) {
        if (line < 0 || line >= lines) {
            throw new FindingException("interrupt of line " + line + "; the device has " + lines);
        }
        if (level[line] != wantsLevel) {
            throw new FindingException("line " + line + " is "
                    + (wantsLevel ? "edge-triggered, and got a level" : "a level, and got an edge"));
        }
    }

    @Override
    public void interrupt(int line) {
        tape.effect(DeviceCall.INTERRUPT, line, 0);
        check(line, false);
        edges[line]++;
        interrupts++;
    }

    @Override
    public void interruptLevel(int line, boolean up) {
        tape.effect(DeviceCall.INTERRUPT_LEVEL, line, up ? 1 : 0);
        check(line, true);
        if (up && !asserted[line]) {
            edges[line]++;
            interrupts++;
        }
        asserted[line] = up;
    }

    @Override
    public void guestError(int code, long detail) {
        tape.effect(DeviceCall.GUEST_ERROR, code, detail);
        guestErrors++;
    }

    @Override
    public void configChanged(int function, int generation) {
        tape.effect(DeviceCall.CONFIG_CHANGED, function, generation);
    }

    @Override
    public void needsReset(int function, int reason) {
        tape.effect(DeviceCall.NEEDS_RESET, function, reason);
    }

    @Override
    public void power(PowerAction action, PowerOrigin origin) {
        powered = true;
        tape.effect(DeviceCall.POWER, action.number(), origin.number());
    }
}
