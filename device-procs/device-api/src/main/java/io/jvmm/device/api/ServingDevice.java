package io.jvmm.device.api;

import io.jvmm.device.api.trace.LifeRecorder;
import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.counters.DevicePage;
import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.link.LinkKind;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.trace.RingSink;
import io.jvmm.ipc.trace.TraceFormatException;
import io.jvmm.ipc.trace.TraceRing;
import io.jvmm.ipc.trace.TraceRingLayout;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a device process holds of its guest: link, state, memory, interrupts, back ends, core, ready for the duty cycle. To make it
 * changes nothing that anybody sees; what a device has to tell after it took over it tells at START. Device thread.
 */
final class ServingDevice implements AutoCloseable {
    private static final long DEFAULT_SPIN_NS = 0;

    private final LinkMemory linkMemory;
    private final DeviceEndpoint link;
    private final StateSegment state;
    private final @Nullable GuestMemory memory;
    private final @Nullable TraceRing trace;
    private final Backend[] backends;
    private final DeviceLoop loop;
    private final List<PciDeclaration> declarations;

    /**
     * Maps and makes all of it.
     *
     * @param nowNs the host's monotonic clock now: the virtual time at which the device is made or goes on
     * @throws StateRejectedException, io.jvmm.ipc.state.StateFormatException for the state
     * @throws IllegalArgumentException, io.jvmm.ipc.link.LinkFormatException for anything else that was handed over
     * @throws io.jvmm.ipc.sys.SysException when the host refuses something
     */
    ServingDevice(
            DeviceFactory factory,
            DeviceConfig config,
            HandedOver handed,
            ProcessEndpoint supervisor,
            SupervisorEvents events,
            Fd control,
            long nowNs) {
        DeviceIdentity identity = factory.identity(config);
        state = new StateSource(factory, config, identity, handed).open();
        if (handed.says("link.renewed")) {
            state.commit(0); // what was in the ring is gone with it
        }
        linkMemory = LinkMemory.attach(handed.take("link"), LinkKind.DEVICE);
        link = new DeviceEndpoint(
                linkMemory,
                EventFd.of(handed.take("link.request-doorbell")),
                EventFd.of(handed.take("link.event-doorbell")),
                state.ringPosition());
        @Nullable
        EventFd[] interrupts = new @Nullable EventFd[identity.interrupts().size()];
        List<Resample> resamples = new ArrayList<>();
        for (int line = 0; line < interrupts.length; line++) {
            interrupts[line] = handed.find("irq." + line).map(EventFd::of).orElse(null);
            Fd resample = handed.find("resample." + line).orElse(null);
            if (resample != null) {
                resamples.add(new Resample(line, EventFd.of(resample)));
            }
        }
        DeviceMeter meter = meter(factory, handed);
        events.countIn(meter);
        LinkEffects effects = new LinkEffects(link, interrupts, meter);
        memory = factory.usesGuestMemory(config) ? mapMemory(handed) : null;
        trace = handed.says("broken") ? null : trace(handed);
        LifeRecorder recorder = null;
        DeviceCore core;
        if (handed.says("broken")) {
            core = factory.createCaretaker(config, state.working(), state.fresh(), effects, memory, nowNs);
            backends = new Backend[0];
        } else {
            recorder = trace == null ? null : recorder(trace, handed, identity, state, events);
            core = recorder == null
                    ? factory.create(config, state.working(), state.fresh(), effects, memory, nowNs)
                    : recorder.begin(
                            factory,
                            config,
                            handed.texts(),
                            state.fresh(),
                            state.ringPosition(),
                            effects,
                            memory,
                            nowNs);
            backends = factory.backends(config, handed, core, events).toArray(new Backend[0]);
        }
        loop = new DeviceLoop(
                identity,
                link,
                supervisor,
                new Transactions(state, recorder),
                core,
                effects,
                events,
                backends,
                resamples.toArray(new Resample[0]),
                control,
                spinNs(handed));
        // A mapping outlives its descriptor, and a descriptor can be passed on or resized where a mapping cannot.
        linkMemory.fd().close();
        state.fd().close();
        // Before the jail closes: to work them out loads classes.
        declarations = factory.pciFunctions(config);
    }

    /** Its page stays mapped as long as the process lives. */
    private static DeviceMeter meter(DeviceFactory factory, HandedOver handed) {
        Fd fd = handed.find("counters").orElse(null);
        if (fd == null) {
            return new DeviceMeter();
        }
        DeviceMeter meter = new DeviceMeter(DevicePage.map(fd), factory);
        fd.close();
        return meter;
    }

    /** Of a device that is recorded; it stays mapped as long as the process lives. */
    private static @Nullable TraceRing trace(HandedOver handed) {
        Fd fd = handed.find(TraceRingLayout.FD_RING).orElse(null);
        try {
            return fd == null ? null : TraceRing.attach(fd);
        } catch (TraceFormatException e) {
            throw new IllegalArgumentException("trace: " + e.getMessage(), e);
        }
    }

    private static LifeRecorder recorder(
            TraceRing ring, HandedOver handed, DeviceIdentity identity, StateSegment state, SupervisorEvents events) {
        EventFd bell = EventFd.of(handed.take(TraceRingLayout.FD_BELL));
        RingSink sink = new RingSink(
                ring, bell, () -> events.warn("the recorder does not keep up: the trace has a gap from here on"));
        ring.fd().close();
        return new LifeRecorder(sink, state.working(), identity.stateLengthBytes(), state.sequence());
    }

    private static GuestMemory mapMemory(HandedOver handed) {
        Fd fd = handed.take("memory");
        GuestMemory memory = GuestMemory.map(fd, handed.number("memory.bytes"));
        fd.close();
        return memory;
    }

    private static long spinNs(HandedOver handed) {
        return handed.text("wait.spin-ns").isPresent() ? handed.number("wait.spin-ns") : DEFAULT_SPIN_NS;
    }

    DeviceLoop loop() {
        return loop;
    }

    /** Tells the board which PCI functions there are; a successor says what its predecessor said. */
    void declare() {
        boolean sent = true;
        for (PciDeclaration declaration : declarations) {
            sent &= link.pciFunction(declaration.function());
            for (byte[] capability : declaration.capabilities()) {
                sent &= link.pciCapability(declaration.function().function(), capability);
            }
        }
        if (!sent) {
            throw new StageException(
                    ProcessExit.PEER_VIOLATION, "the board's event ring takes no declaration of PCI functions");
        }
    }

    /** A rehearsal is over. */
    @Override
    public void close() {
        for (Backend backend : backends) {
            backend.close();
        }
        if (memory != null) {
            memory.close();
        }
        if (trace != null) {
            trace.close();
        }
        state.close();
        linkMemory.close();
    }
}
