package io.jvmm.device.virtio;

import io.jvmm.device.api.DeviceCore;
import io.jvmm.ipc.message.SupervisorRequestType;
import java.util.ArrayList;
import java.util.List;

/** All functions of a process behind the interface of the device runtime. Region number = function; kick = function and queue. */
final class VirtioCore implements DeviceCore {
    private static final int QUEUE_BITS = 8;

    private final VirtioFunction[] functions;
    private int lastTurn;

    VirtioCore(List<VirtioFunction> functions) {
        this.functions = functions.toArray(new VirtioFunction[0]);
    }

    List<VirtioDevice> devices() {
        List<VirtioDevice> devices = new ArrayList<>();
        for (VirtioFunction function : functions) {
            devices.add(function.device());
        }
        return devices;
    }

    VirtioFunction function(int index) {
        return functions[index];
    }

    @Override
    public long read(int region, int offset, int widthBytes, long nowNs) {
        return functions[region].read(offset, widthBytes);
    }

    @Override
    public void write(int region, int offset, int widthBytes, long value, long nowNs) {
        functions[region].write(offset, widthBytes, value, nowNs);
    }

    @Override
    public void kick(int queue, long nowNs) {
        int function = queue >>> QUEUE_BITS;
        if (function < functions.length) {
            functions[function].kick(queue & (1 << QUEUE_BITS) - 1, nowNs);
        }
    }

    @Override
    public void reset(long nowNs) {
        for (VirtioFunction function : functions) {
            function.reset(nowNs);
        }
    }

    @Override
    public void timer(long nowNs) {
        for (VirtioFunction function : functions) {
            function.timer(nowNs);
        }
    }

    @Override
    public long nextDeadlineNs() {
        long deadlineNs = NO_DEADLINE;
        for (VirtioFunction function : functions) {
            deadlineNs = Math.min(deadlineNs, function.device().nextDeadlineNs());
        }
        return deadlineNs;
    }

    @Override
    public void resample(int line, long nowNs) {
        for (VirtioFunction function : functions) {
            function.resample(line);
        }
    }

    @Override
    public boolean hasWork() {
        for (VirtioFunction function : functions) {
            if (function.hasWork()) {
                return true;
            }
        }
        return false;
    }

    /** The functions take turns, and in each its queues. */
    @Override
    public void work(long nowNs) {
        for (int i = 0; i < functions.length; i++) {
            lastTurn = lastTurn + 1 == functions.length ? 0 : lastTurn + 1;
            if (functions[lastTurn].hasWork()) {
                functions[lastTurn].work(nowNs);
                return;
            }
        }
    }

    @Override
    public void committed(long nowNs) {
        for (VirtioFunction function : functions) {
            function.committed();
        }
    }

    @Override
    public boolean hostRequest(SupervisorRequestType request, long argument, long nowNs) {
        return functions[0].device().hostRequest(request, argument, nowNs);
    }

    @Override
    public void resumed(long pausedNs, long nowNs) {
        for (VirtioFunction function : functions) {
            function.device().resumed(pausedNs, nowNs);
        }
    }

    @Override
    public void resume(long nowNs) {
        for (VirtioFunction function : functions) {
            function.resume(nowNs);
        }
    }
}
