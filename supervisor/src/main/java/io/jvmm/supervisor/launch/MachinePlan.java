package io.jvmm.supervisor.launch;

import io.jvmm.supervisor.config.PciSlots;
import io.jvmm.supervisor.config.VirtioConfig;
import io.jvmm.supervisor.config.VmConfig;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/**
 * What a machine consists of: its processes, and which device is where. Made of the configuration alone, and the same for
 * every start.
 */
public final class MachinePlan {
    private final Map<ProcessInstance, List<Function>> processes = new LinkedHashMap<>();

    /**
     * One PCI function, served by the process that has it in its list; its place there is its number in messages.
     *
     * @param slot on bus 0
     * @param firstLine the first of its interrupt lines, counted through all functions of the process
     * @param vectors MSI-X vectors, one line each; INTx is the line behind them
     */
    public record Function(VirtioConfig config, int slot, int firstLine, int vectors) {
        /** The line of INTx, which is level-triggered. */
        public int intxLine() {
            return firstLine + vectors;
        }
    }

    private MachinePlan() {}

    /** The plan of a machine. */
    public static MachinePlan of(VmConfig config) {
        MachinePlan plan = new MachinePlan();
        plan.processes.put(ProcessInstance.VCPU, List.of());
        plan.processes.put(ProcessInstance.SERIAL, List.of());
        plan.processes.put(ProcessInstance.PLATFORM, List.of());
        Map<VirtioConfig, Integer> slots = PciSlots.assign(config.devices());
        for (VirtioConfig device : config.devices()) {
            ProcessInstance process = processOf(device);
            List<Function> functions = plan.processes.computeIfAbsent(process, _ -> new ArrayList<>());
            int line = functions.isEmpty() ? 0 : functions.getLast().intxLine() + 1;
            functions.add(new Function(device, slots.getOrDefault(device, 0), line, device.queues() + 1));
        }
        return plan;
    }

    /** Who serves a device. */
    public static ProcessInstance processOf(VirtioConfig device) {
        ProcessKind kind = ProcessKind.valueOf(device.deviceClass().toUpperCase(Locale.ROOT));
        return device.placement().isolation() == VirtioConfig.Isolation.INSTANCE
                ? ProcessInstance.of(kind, device.placement().id())
                : ProcessInstance.of(kind);
    }

    /** The vCPU process first: it takes longest to become ready. */
    public List<ProcessInstance> processes() {
        return List.copyOf(processes.keySet());
    }

    /** Those that serve devices; their order gives a device its index in messages of the vCPU process. */
    public List<ProcessInstance> devices() {
        return processes.keySet().stream().filter(ProcessInstance::isDevice).toList();
    }

    /** Their classes, each once. */
    public List<ProcessKind> kinds() {
        return processes.keySet().stream().map(ProcessInstance::kind).distinct().toList();
    }

    /** The PCI functions of a process, in order; none for one of the old devices. */
    public List<Function> functions(ProcessInstance process) {
        return List.copyOf(processes.getOrDefault(process, List.of()));
    }
}
