package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.supervisor.backend.DeviceBackends;
import io.jvmm.supervisor.backend.Passt;
import io.jvmm.supervisor.backend.VsockBroker;
import io.jvmm.supervisor.launch.ProcessInstance;
import io.jvmm.supervisor.launch.ProcessKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What back ends want done while a machine runs: a helper program's words and its end, the connections that a guest asks for.
 * Used by the event loop's thread, in the loop's own poll.
 */
final class Helpers {
    private final Poller poller;
    private final MachineLoop loop;
    private final List<Program> programs = new ArrayList<>();
    private final List<Broker> brokers = new ArrayList<>();

    /** A program and its places in the poll set. */
    private static final class Program {
        final Passt passt;
        final ChildOutput output;
        final int pidfdIndex;
        final int outputIndex;
        boolean outputOpen = true;
        boolean ended;

        Program(Passt passt, Poller poller, Console console) {
            this.passt = passt;
            this.output = new ChildOutput("passt", Clock.monotonicNs(), console::detail);
            output.release(false);
            this.pidfdIndex = poller.add(passt.pidfd().fd(), Poller.READABLE);
            this.outputIndex = poller.add(passt.output(), Poller.READABLE);
        }
    }

    private record Broker(VsockBroker broker, int index) {}

    Helpers(Optional<DeviceBackends> devices, Poller poller, Console console, MachineLoop loop) {
        this.poller = poller;
        this.loop = loop;
        devices.ifPresent(d -> {
            d.passts().forEach(p -> programs.add(new Program(p, poller, console)));
            d.brokers().forEach(b -> brokers.add(new Broker(b, poller.add(b.fd(), Poller.READABLE))));
        });
    }

    /** Places they take in a poll set. */
    static int descriptors(DeviceBackends devices) {
        return 2 * devices.passts().size() + devices.brokers().size();
    }

    /** Does what the last poll found. */
    void serve() {
        programs.forEach(this::serve);
        for (Broker b : brokers) {
            if (poller.ready(b.index()) != 0 && !b.broker().serve()) {
                poller.ignore(b.index());
                loop.handle(new MachineEvent.Violation(
                        ProcessInstance.of(ProcessKind.VSOCK),
                        "the supervisor",
                        "it sent what is no request for a connection"));
            }
        }
    }

    private void serve(Program p) {
        if (p.outputOpen
                && poller.ready(p.outputIndex) != 0
                && !p.output.readFrom(p.passt.output(), Clock.monotonicNs())) {
            p.outputOpen = false;
            poller.ignore(p.outputIndex);
        }
        if (!p.ended && poller.ready(p.pidfdIndex) != 0) {
            p.passt.pidfd().peek().ifPresent(status -> ended(p, status));
        }
    }

    /** A card without its passt is one whose cable was pulled: the machine goes on. */
    private void ended(Program p, ExitStatus status) {
        p.ended = true;
        poller.ignore(p.pidfdIndex);
        if (p.outputOpen) {
            var _ = p.output.readFrom(p.passt.output(), Clock.monotonicNs());
            p.outputOpen = false;
            poller.ignore(p.outputIndex);
        }
        String words = p.output.lastWords();
        loop.say(p.passt.title() + " has lost its network: passt " + status
                + (words.isEmpty() ? "" : ", saying: " + words));
    }
}
