package io.jvmm.supervisor.launch;

import io.jvmm.supervisor.config.VirtioConfig;
import io.jvmm.supervisor.config.VmConfig;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the devices of a machine are called, where a process serves several: {@code serial0} to {@code serial3} are COM1 to COM4,
 * {@code block0} is the first disk of the configuration, whichever process serves it; {@code block-data} is the one with that id.
 */
public final class DeviceNames {
    private final List<Name> all;

    /**
     * One device.
     *
     * @param name {@code block1}
     * @param alias {@code block-data}, or the same
     * @param process that serves it
     * @param part which of the devices it serves, from 0
     */
    public record Name(String name, String alias, ProcessInstance process, int part) {}

    private DeviceNames(List<Name> all) {
        this.all = List.copyOf(all);
    }

    /** The names in a machine. */
    public static DeviceNames of(VmConfig config) {
        List<Name> names = new ArrayList<>();
        int ports = config.serial().isEmpty() ? 1 : config.serial().getLast().port();
        for (int port = 0; port < ports; port++) {
            names.add(new Name("serial" + port, "COM" + (port + 1), ProcessInstance.SERIAL, port));
        }
        names.add(new Name("platform", "platform", ProcessInstance.PLATFORM, 0));
        Map<String, Integer> ofClass = new HashMap<>();
        Map<ProcessInstance, Integer> ofProcess = new HashMap<>();
        for (VirtioConfig device : config.devices()) {
            ProcessInstance process = MachinePlan.processOf(device);
            int number = ofClass.merge(device.deviceClass(), 1, Integer::sum) - 1;
            int part = ofProcess.merge(process, 1, Integer::sum) - 1;
            names.add(new Name(
                    device.deviceClass() + number,
                    device.deviceClass() + "-" + device.placement().id(),
                    process,
                    part));
        }
        return new DeviceNames(names);
    }

    /** The devices of a process, in its order. */
    public List<Name> of(ProcessInstance process) {
        return all.stream().filter(n -> n.process().equals(process)).toList();
    }

    /** The device of a name. One whose process serves it alone may be called as that. */
    public Optional<Name> find(String wanted) {
        Optional<Name> named = all.stream().filter(n -> n.name().equals(wanted)).findFirst();
        return named.or(() -> all.stream().filter(n -> n.alias().equals(wanted)).findFirst())
                .or(() -> all.stream()
                        .filter(n -> n.process().process().equals(wanted)
                                && of(n.process()).size() == 1)
                        .findFirst());
    }

    /** All of them. */
    public List<String> names() {
        return all.stream().map(Name::name).toList();
    }
}
