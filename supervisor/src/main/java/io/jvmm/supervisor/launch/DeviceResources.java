package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.counters.DevicePage;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.MemFd;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a device keeps when its process dies: the link to the vCPU process with its doorbells, the state segment, the counters page, and
 * an eventfd for each interrupt. The supervisor makes and owns all of it, for one life of the machine, and hands it to one process
 * after the other. One thread.
 */
public final class DeviceResources implements AutoCloseable {
    private final ProcessInstance device;
    private final LinkMemory link;
    private final EventFd requestDoorbell;
    private final EventFd eventDoorbell;
    private final MemFd counters;
    private MemFd state;
    /** What its process writes, where it is recorded; the launcher's to close. */
    private @Nullable Trace trace;

    private final List<AutoCloseable> owned = new ArrayList<>();
    /** By their names at the device's end. */
    private final Map<String, Fd> lines = new LinkedHashMap<>();
    /** What the board is told of them. */
    private final Map<String, String> places = new LinkedHashMap<>();

    DeviceResources(ProcessInstance device, int vcpus) {
        this.device = device;
        link = own(LinkMemory.create(device.process() + "-link", LinkSpec.device(vcpus)));
        requestDoorbell = own(EventFd.create());
        eventDoorbell = own(EventFd.create());
        counters = own(DevicePage.create(device.process() + "-counters"));
        // How long it is, the device knows.
        state = MemFd.createEmpty(device.process() + "-state");
    }

    public ProcessInstance device() {
        return device;
    }

    /** The memory between device and vCPU process; scrubbed between two processes. */
    public LinkMemory link() {
        return link;
    }

    /** The state segment. */
    public Fd state() {
        return state.fd();
    }

    /** What the device's processes have counted, one after the other. */
    public MemFd counters() {
        return counters;
    }

    /** Another version's state takes the place of the one there was; no process has that any more. */
    void replaceState(MemFd next) {
        state.close();
        state = next;
    }

    /** What its process writes its trace to, if it is recorded. */
    Optional<Trace> trace() {
        return Optional.ofNullable(trace);
    }

    /** Another process is to serve it, with this trace or none. */
    void traced(Optional<Trace> next) {
        trace = next.orElse(null);
    }

    /** An entry for the board: a window or an interrupt, named without the device's name. */
    DeviceResources place(String key, String value) {
        places.put(key, value);
        return this;
    }

    /** An edge-triggered interrupt line. */
    DeviceResources line(int number) {
        lines.put("irq." + number, own(EventFd.create()).fd());
        return this;
    }

    /** What makes a line level-triggered. */
    DeviceResources resample(int number) {
        lines.put("resample." + number, own(EventFd.create()).fd());
        return this;
    }

    /** For whichever process serves the device now. */
    void giveDevice(BootRecord.Builder record) {
        giveLink(record);
        record.fd("state", state.fd());
    }

    /** The same without a state. */
    void giveLink(BootRecord.Builder record) {
        record.fd("counters", counters.fd())
                .fd("link", link.fd())
                .fd("link.request-doorbell", requestDoorbell.fd())
                .fd("link.event-doorbell", eventDoorbell.fd());
        lines.forEach(record::fd);
    }

    /** For the vCPU process, which gets it once. */
    void giveBoard(BootRecord.Builder record) {
        String name = device.process();
        record.fd(name + ".link", link.fd())
                .fd(name + ".link.request-doorbell", requestDoorbell.fd())
                .fd(name + ".link.event-doorbell", eventDoorbell.fd());
        lines.forEach((line, fd) -> record.fd(name + "." + line, fd));
        places.forEach((key, value) -> record.put(name + "." + key, value));
    }

    private <T extends AutoCloseable> T own(T resource) {
        owned.add(resource);
        return resource;
    }

    /** No process of the machine may be alive. */
    @Override
    public void close() {
        state.close();
        Owned.close(owned);
    }
}
