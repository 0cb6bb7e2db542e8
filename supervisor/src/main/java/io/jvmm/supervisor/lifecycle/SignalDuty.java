package io.jvmm.supervisor.lifecycle;

import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.launch.ProcessKind;
import io.jvmm.supervisor.sys.WindowSize;
import java.util.Optional;

/** What signals mean for the machine. Event-loop thread only. */
final class SignalDuty {
    private final SignalSource signals;
    private final VmConfig config;
    private final MachineLoop loop;

    SignalDuty(SignalSource signals, VmConfig config, MachineLoop loop) {
        this.signals = signals;
        this.config = config;
        this.loop = loop;
    }

    /** Does what the signals want that have come. */
    void serve() {
        signals.bell().drain();
        for (Optional<SignalSource.Kind> s = signals.next(); s.isPresent(); s = signals.next()) {
            if (s.get() == SignalSource.Kind.WINCH) {
                resize();
                continue;
            }
            loop.handle(
                    switch (s.get()) {
                        case INT -> new MachineEvent.Interrupt();
                        case TERM -> new MachineEvent.PowerButton("SIGTERM");
                        case HUP -> new MachineEvent.PowerButton("SIGHUP");
                        case WINCH -> throw new IllegalStateException("no event");
                    });
        }
    }

    /** The console on the terminal learns of its size. */
    private void resize() {
        if (!config.consoleOnTerminal()) {
            return;
        }
        WindowSize.of(Fd.of(0))
                .ifPresent(size -> loop.devices().stream()
                        .filter(d -> d.kind() == ProcessKind.CONSOLE)
                        .forEach(d -> loop.tell(d, SupervisorRequestType.RESIZE, size.argument())));
    }
}
