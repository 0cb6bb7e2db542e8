package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.supervisor.backend.DeviceBackends;
import io.jvmm.supervisor.backend.Passt;
import io.jvmm.supervisor.launch.MachinePlan;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What back ends want done while a machine runs: a helper program's words and its end, the connections that a guest asks for.
 * Used by the event loop's thread, in the loop's own poll.
 */
final class Helpers {
    private final PollSlots poller;
    private final MachineLoop loop;
    private final List<Program> programs = new ArrayList<>();
    private final List<BrokerWatch> brokers = new ArrayList<>();

    /** A program and its places in the poll set. */
    private static final class Program {
        final Passt passt;
        final ChildOutput output;
        final int pidfdIndex;
        final int outputIndex;
        final TokenBucket work = new TokenBucket(MachineLoop.WORK_BURST, MachineLoop.NS_PER_WORK, Clock.monotonicNs());
        boolean outputOpen = true;
        boolean ended;
        /** Its words are not read until then; 0 when they are. */
        long deafUntilNs;

        Program(Passt passt, PollSlots poller, Console console) {
            this.passt = passt;
            this.output = new ChildOutput("passt", Clock.monotonicNs(), console::detail);
            output.release(false);
            this.pidfdIndex = poller.take(passt.pidfd().fd(), Poller.READABLE);
            this.outputIndex = poller.take(passt.output(), Poller.READABLE);
        }
    }

    Helpers(Optional<DeviceBackends> devices, PollSlots poller, Console console, MachineLoop loop) {
        this.poller = poller;
        this.loop = loop;
        devices.ifPresent(d -> {
            d.passts().forEach(p -> programs.add(new Program(p, poller, console)));
            d.brokers()
                    .forEach((device, b) ->
                            brokers.add(new BrokerWatch(MachinePlan.processOf(device), b, poller, loop)));
        });
    }

    /** Does what the last poll found. */
    void serve() {
        programs.forEach(this::serve);
        brokers.forEach(BrokerWatch::serve);
    }

    /** When somebody who is not listened to now is to be listened to again, by {@link #serve}; {@link MachineLifecycle#NEVER}. */
    long listensAgainNs() {
        long now = Clock.monotonicNs();
        long next = MachineLifecycle.NEVER;
        for (Program p : programs) {
            next = p.deafUntilNs == 0 ? next : Math.min(next, p.deafUntilNs);
        }
        for (BrokerWatch b : brokers) {
            next = Math.min(next, b.listensAgainNs(now));
        }
        return next;
    }

    private void serve(Program p) {
        if (p.outputOpen && p.deafUntilNs != 0) {
            if (Clock.monotonicNs() >= p.deafUntilNs) {
                p.deafUntilNs = 0;
                poller.listen(p.outputIndex);
            }
        } else if (p.outputOpen && poller.ready(p.outputIndex) != 0) {
            readOutput(p);
        }
        if (!p.ended && poller.ready(p.pidfdIndex) != 0) {
            p.passt.pidfd().peek().ifPresent(status -> ended(p, status));
        }
    }

    private void readOutput(Program p) {
        long now = Clock.monotonicNs();
        if (!p.output.readFrom(p.passt.output(), now)) {
            p.outputOpen = false;
            poller.ignore(p.outputIndex);
        } else if (!p.work.spend(ChildOutput.CHUNKS_AT_ONCE, now)) {
            p.deafUntilNs = now + MachineLoop.DEAF_NS;
            poller.ignore(p.outputIndex);
        }
    }

    /** A card without its passt is one whose cable was pulled: the machine goes on. */
    private void ended(Program p, ExitStatus status) {
        p.ended = true;
        poller.ignore(p.pidfdIndex);
        if (p.outputOpen) {
            var _ = p.output.readFrom(p.passt.output(), Clock.monotonicNs());
            p.outputOpen = false;
            p.deafUntilNs = 0;
            poller.ignore(p.outputIndex);
        }
        String words = p.output.lastWords();
        loop.say(p.passt.title() + " has lost its network: passt " + status
                + (words.isEmpty() ? "" : ", saying: " + words));
    }
}
