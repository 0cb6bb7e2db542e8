package io.jvmm.device.platform;

import io.jvmm.device.api.DeviceEffects;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import java.util.ArrayList;
import java.util.List;

/** Writes down what a core does to the world. Counts without allocating; keeps words only when asked to. */
final class RecordedEffects implements DeviceEffects {
    final int[] interrupts = new int[4];
    boolean sci;
    int sciCalls;
    int guestErrors;
    int powerCalls;
    final List<String> log = new ArrayList<>();
    boolean logging = true;

    @Override
    public void interrupt(int line) {
        interrupts[line]++;
        log("irq", line);
    }

    @Override
    public void interruptLevel(int line, boolean asserted) {
        sci = asserted;
        sciCalls++;
        log(asserted ? "up" : "down", line);
    }

    @Override
    public void guestError(int code, long detail) {
        guestErrors++;
        log("error", code);
    }

    @Override
    public void power(PowerAction action, PowerOrigin origin) {
        powerCalls++;
        if (logging) {
            log.add(action + " " + origin);
        }
    }

    /** The log since the last call. */
    List<String> take() {
        List<String> taken = List.copyOf(log);
        log.clear();
        return taken;
    }

    private void log(String what, int number) {
        if (logging) {
            log.add(what + " " + number);
        }
    }
}
