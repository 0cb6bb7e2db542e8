package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.link.LinkGlance;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.state.CommittedState;
import io.jvmm.ipc.state.StateFormatException;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.supervisor.config.Quoted;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.control.ControlReply;
import io.jvmm.supervisor.control.ControlVerb;
import io.jvmm.supervisor.launch.ChildProcess;
import io.jvmm.supervisor.launch.DeviceNames;
import io.jvmm.supervisor.launch.DeviceView;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.Successors;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Looks at devices while they work, without their help and without stopping them: at the state they have committed and at their links. What it finds is hostile;
 * it is copied and handed on, and nothing here depends on it. What a state means is for others to say: only the device's own program knows.
 * Event-loop thread only.
 */
final class Inspections {
    /** So often a state is read at most when commits spoil what is read: some milliseconds for the longest. */
    private static final int MOST_TRIES = 50;

    private final MachineLoop loop;
    private final Successors successors;
    private final DeviceNames names;

    Inspections(MachineLoop loop, VmConfig config, Successors successors) {
        this.loop = loop;
        this.successors = successors;
        this.names = DeviceNames.of(config);
    }

    /** What the devices of a process are called. */
    List<String> devicesOf(ProcessInstance process) {
        return names.of(process).stream().map(DeviceNames.Name::name).toList();
    }

    /** The committed state of a device, or of all devices of a process. */
    ControlReply state(String wanted) {
        Optional<DeviceNames.Name> device = names.find(wanted);
        Optional<ProcessInstance> process = device.map(DeviceNames.Name::process)
                .or(() -> loop.devices().stream()
                        .filter(p -> p.process().equals(wanted))
                        .findFirst());
        if (process.isEmpty()) {
            return ControlReply.Failed.field(ControlVerb.DEVICE, noSuch(wanted));
        }
        if (loop.phase() == Phase.STOPPING || loop.phase() == Phase.STOPPED) {
            return ControlReply.Failed.because("the machine is stopping.");
        }
        return read(wanted, process.get(), device.map(DeviceNames.Name::part).orElse(-1));
    }

    private String noSuch(String wanted) {
        return wanted.equals(ProcessInstance.VCPU.process())
                ? "the registers of the processors are in no device's state: gdb and the engine's own state have them. Name a device: "
                        + String.join(", ", names.names()) + "."
                : "there is no device " + Quoted.of(wanted) + ". There are " + String.join(", ", names.names()) + ".";
    }

    private ControlReply read(String wanted, ProcessInstance process, int part) {
        DeviceView view = successors.view(process);
        CommittedState state;
        try {
            state = CommittedState.read(view.state(), MOST_TRIES);
        } catch (StateFormatException | SysException e) {
            return ControlReply.Failed.because("the state of " + process.process() + " cannot be read now: "
                    + e.getMessage() + ". Ask again in a moment.");
        }
        if (state.sequence() == 0) {
            return ControlReply.Failed.because(
                    process.process() + " has committed no state yet. Ask again in a moment.");
        }
        byte[] bytes = new byte[state.state().capacity()];
        state.state().getBytes(0, bytes);
        return new ControlReply.DeviceState(
                wanted,
                process.process(),
                process.kind().process(),
                part,
                loop.isThere(process) ? loop.pid(process) : 0,
                successors.distribution(process).toString(),
                state.version(),
                state.sequence(),
                state.ringPosition(),
                view.entries(),
                bytes);
    }

    /** The links of all device processes, and of the vCPU process to the supervisor. */
    ControlReply links() {
        List<ControlReply.Link> links = new ArrayList<>();
        own(ProcessInstance.VCPU).ifPresent(links::add);
        for (ProcessInstance device : loop.devices()) {
            links.add(new ControlReply.Link(
                    device.process(),
                    devicesOf(device),
                    ProcessInstance.VCPU.process(),
                    health(device),
                    "",
                    LinkGlance.at(successors.view(device).link())));
            own(device).ifPresent(links::add);
        }
        return new ControlReply.Links(links);
    }

    /** The health of a device's links in a few words: {@code connected} where there is nothing to say. */
    String links(ProcessInstance device) {
        String board = health(device);
        String ours = own(device).map(ControlReply.Link::health).orElse("none");
        return board.equals(ours) ? board : board + "/" + ours;
    }

    /** As the vCPU process sees it, as far as we have told it. */
    private String health(ProcessInstance device) {
        return loop.life(device)
                .map(life -> switch (life.state()) {
                    case SERVING -> "connected";
                    case ENDING, AWAY, WAITING, REPLACING, RETURNING, UPGRADING -> "away";
                    case LEAVING, ENTRUSTING, ENTRUSTED, CARED_FOR, BROKEN -> "broken";
                })
                .orElse("starting");
    }

    private Optional<ControlReply.Link> own(ProcessInstance process) {
        if (!loop.isThere(process)) {
            return Optional.empty();
        }
        ChildProcess child = loop.watch(process).child();
        Violation violation = child.endpoint().violation();
        return Optional.of(new ControlReply.Link(
                process.process(),
                devicesOf(process),
                "supervisor",
                child.endpoint().health().name().toLowerCase(Locale.ROOT),
                violation == null ? "" : violation.toString(),
                LinkGlance.at(child.link())));
    }
}
