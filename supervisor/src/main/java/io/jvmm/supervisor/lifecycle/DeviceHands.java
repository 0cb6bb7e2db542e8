package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.message.SupervisorRequestLayout;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.supervisor.launch.Handover;
import io.jvmm.supervisor.launch.ProcessInstance;
import java.util.Optional;

/** Does for devices what their lives want done. Event-loop thread only. */
final class DeviceHands implements DeviceActions {
    private final MachineLoop loop;
    private final Replacer replacer;
    private final Helpers helpers;

    DeviceHands(MachineLoop loop, Replacer replacer, Helpers helpers) {
        this.loop = loop;
        this.replacer = replacer;
        this.helpers = helpers;
    }

    @Override
    public boolean kill(ProcessInstance device) {
        replacer.abandon(device);
        loop.kill(device);
        return loop.isThere(device);
    }

    @Override
    public void tellAway(ProcessInstance device, boolean renewed, long goneNs) {
        int reason = renewed ? SupervisorRequestLayout.AWAY_LINK_RENEWED : SupervisorRequestLayout.AWAY_LINK_KEPT;
        loop.tellBoard(
                SupervisorRequestType.DEVICE_AWAY,
                device,
                SupervisorRequestLayout.away(loop.devices().indexOf(device), reason),
                goneNs);
    }

    @Override
    public void tellBack(ProcessInstance device) {
        loop.tellBoard(SupervisorRequestType.DEVICE_BACK, device, loop.devices().indexOf(device), 0);
    }

    @Override
    public void tellBroken(ProcessInstance device) {
        loop.tellBoard(
                SupervisorRequestType.DEVICE_BROKEN, device, loop.devices().indexOf(device), 0);
    }

    @Override
    public void prepare(ProcessInstance device) {
        replacer.prepare(device);
    }

    @Override
    public Source replace(ProcessInstance device, boolean renewed, boolean mayBeSpare) {
        return replacer.replace(device, new Handover(renewed, false), mayBeSpare, nowNs());
    }

    @Override
    public Source entrust(ProcessInstance device, boolean renewed, boolean mayBeSpare) {
        return replacer.replace(device, new Handover(renewed, true), mayBeSpare, nowNs());
    }

    @Override
    public void givenUp(ProcessInstance device) {
        helpers.givenUp(device);
        loop.observation().broken(device);
        boolean others = loop.devices().stream()
                .filter(d -> d.kind() == device.kind() && !d.equals(device))
                .anyMatch(d -> loop.life(d).map(life -> !life.isBroken()).orElse(false));
        if (!others) {
            replacer.dropSpare(device.kind());
        }
    }

    @Override
    public Optional<String> audit(ProcessInstance process) {
        return loop.audit(process);
    }

    @Override
    public boolean hasEnded(ProcessInstance process) {
        return loop.hasEnded(process);
    }

    @Override
    public void start(ProcessInstance device) {
        loop.start(device);
    }

    @Override
    public void ping(ProcessInstance device) {
        // One that takes no request will not acknowledge this one either.
        var _ = loop.send(device, SupervisorRequestType.PING, 0);
    }

    @Override
    public long nowNs() {
        return Clock.monotonicNs();
    }

    @Override
    public void replaced(ProcessInstance device, Replacement replacement) {
        loop.replacements().replaced(device, replacement, nowNs());
        loop.observation().replaced(device, replacement, nowNs());
    }

    @Override
    public void say(String message) {
        loop.say(message);
    }
}
