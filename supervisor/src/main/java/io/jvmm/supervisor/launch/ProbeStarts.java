package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.sys.ProbeLayout;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.policy.jail.JailException;
import io.jvmm.policy.jail.JailedProcess;
import io.jvmm.policy.jail.StuckProcessException;
import io.jvmm.supervisor.config.VmConfig;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Starts processes of a machine to be probed: each as it is started to serve, with links and state of its own, and with the segment
 * that makes a probe of it. One thread.
 */
final class ProbeStarts implements AutoCloseable {
    private final VmConfig config;
    private final MachinePlan plan;
    private final Distribution distribution;
    private final Backends backends;
    private final UidPool uids;
    private final ProcessStarter starter;
    private final Map<ProbedProcess, List<AutoCloseable>> alive = new HashMap<>();

    ProbeStarts(VmConfig config, Distribution distribution, Backends backends, List<Integer> uids)
            throws HostLackException {
        this.config = config;
        this.plan = MachinePlan.of(config);
        this.distribution = distribution;
        this.backends = backends;
        this.uids = new UidPool(uids);
        this.starter = new ProcessStarter(config, plan, backends, this.uids);
        ProcessStarter.made("what the devices need for this start", () -> {
            backends.devices().beginLife();
            return true;
        });
    }

    /** A process that has its boot record; nothing is left of one that cannot be started. */
    ProbedProcess start(ProcessInstance instance) throws HostLackException {
        List<AutoCloseable> owned = new ArrayList<>();
        StartedProcess started = null;
        try {
            started = starter.start(instance, distribution);
            Assignments all = new Assignments(config, plan, backends);
            owned.add(all);
            MemFd probe = MemFd.createSealed("probe", ProbeLayout.SEGMENT_BYTES);
            owned.add(probe);
            BootRecord.Builder record = instance.isDevice()
                    ? all.device(kept(all.resources(instance), owned), Handover.FIRST)
                    : all.vcpu(devices(all, owned));
            ChildProcess child = all.first(started, record.fd("probe", probe.fd()), started.variants());
            ProbedProcess probed = new ProbedProcess(child, probe.fd());
            alive.put(probed, owned);
            return probed;
        } catch (SysException | JailException | UncheckedIOException e) {
            abandon(started, owned);
            throw new HostLackException("process " + instance.process() + " cannot be probed: " + e.getMessage(), e);
        } catch (HostLackException | RuntimeException e) {
            abandon(started, owned);
            throw e;
        }
    }

    private List<DeviceResources> devices(Assignments all, List<AutoCloseable> owned) {
        List<DeviceResources> devices = new ArrayList<>();
        plan.devices().forEach(device -> devices.add(kept(all.resources(device), owned)));
        return devices;
    }

    private static <T extends AutoCloseable> T kept(T resource, List<AutoCloseable> owned) {
        owned.add(resource);
        return resource;
    }

    private void abandon(@Nullable StartedProcess started, List<AutoCloseable> owned) {
        if (started != null) {
            started.process().kill();
            awaitEnd(started.process());
            starter.forget(started);
            started.process().pidfd().close();
        }
        Owned.close(owned);
    }

    private static void awaitEnd(JailedProcess process) {
        if (process.await(JailedProcess.DYING_NS).isEmpty()) {
            throw new StuckProcessException(process.name() + " (pid " + process.pid() + ")");
        }
    }

    /** Closes what is held of one that has been collected. */
    void bury(ProbedProcess probed) {
        List<AutoCloseable> owned = alive.remove(probed);
        if (owned != null) {
            probed.close();
            probed.child().close();
            uids.giveBack(probed.child().hostUid());
            Owned.close(owned);
        }
    }

    /** Ends those that still live. */
    @Override
    public void close() {
        for (ProbedProcess probed : List.copyOf(alive.keySet())) {
            if (!probed.hasEnded()) {
                probed.child().process().kill();
                awaitEnd(probed.child().process());
            }
            bury(probed);
        }
    }
}
