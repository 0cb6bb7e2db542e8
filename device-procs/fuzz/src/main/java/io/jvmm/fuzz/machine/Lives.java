package io.jvmm.fuzz.machine;

import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.device.api.HostPorts;
import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.device.api.trace.RecordedCore;
import io.jvmm.device.api.trace.RecordedPorts;
import io.jvmm.ipc.trace.RecordingTape;
import java.util.ArrayList;
import java.util.List;
import org.agrona.BufferUtil;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The processes of a device, one after the other, over one state segment. The first is used for every case: its state is copied back, and what it holds beside
 * that {@link CoreImage} puts back. Successors, and processes whose life is written down, are made as the shipped factory makes them. One thread.
 */
final class Lives {
    private final Subject subject;
    private final DeviceIdentity identity;
    private final FuzzTape tape;
    private final Watched effects;
    private final @Nullable FuzzMemory memory;
    private final CaseWriter writer;
    private final HostModel.Calls calls;
    private final UnsafeBuffer state;
    private final UnsafeBuffer pristine;
    private HostCalls hostCalls = HostCalls.NONE;
    private @Nullable HostPorts ports;
    private @Nullable DeviceCore core;

    private @Nullable DeviceCore firstCore;
    private @Nullable HostCalls firstCalls;
    private @Nullable HostPorts firstPorts;
    private @Nullable CoreImage image;

    /** @param calls what the host's side of each calls */
    Lives(
            Subject subject,
            DeviceIdentity identity,
            FuzzTape tape,
            Watched effects,
            @Nullable FuzzMemory memory,
            CaseWriter writer,
            HostModel.Calls calls) {
        this.subject = subject;
        this.identity = identity;
        this.tape = tape;
        this.effects = effects;
        this.memory = memory;
        this.writer = writer;
        this.calls = calls;
        this.state = buffer();
        this.pristine = buffer();
    }

    private UnsafeBuffer buffer() {
        return new UnsafeBuffer(BufferUtil.allocateDirectAligned(identity.stateLengthBytes(), 64));
    }

    /**
     * The next one.
     *
     * @param fresh whether it begins anew, whatever the state is; else it adopts that
     */
    DeviceCore make(boolean fresh, long nowNs) {
        subject.host().end();
        leave();
        subject.host().begin(fresh);
        RecordingTape recorder = writer.newLife(subject, identity, state, fresh, memory, nowNs);
        DeviceCore made = subject.factory()
                .createOnTape(
                        subject.config(), state, fresh, effects, memory == null ? null : memory.tapped(), tape, nowNs);
        hostCalls = subject.factory().hostCalls(subject.config(), made, tape);
        HostPorts own = subject.ports();
        ports = own == null || recorder == null ? own : new RecordedPorts(own, recorder, 0);
        subject.host().join(calls);
        core = recorder == null ? made : new RecordedCore(made, recorder);
        return core;
    }

    @SuppressWarnings("ReferenceEquality") // it is this very one that is kept
    private void leave() {
        if (hostCalls != firstCalls) {
            hostCalls.close();
        }
    }

    /**
     * The one that was made last begins every case from now on.
     *
     * @param machine none of its business
     */
    void keepFirst(Object machine) {
        DeviceCore kept = core;
        if (kept == null) {
            throw new IllegalStateException("none was made");
        }
        pristine.putBytes(0, state, 0, state.capacity());
        firstCore = kept;
        firstCalls = hostCalls;
        firstPorts = ports;
        List<Object> roots = new ArrayList<>(List.of(kept, hostCalls, subject.host()));
        CapturedFactory maker = subject.maker();
        if (maker != null) {
            roots.add(maker);
        }
        List<Object> borders = new ArrayList<>(List.of(machine, this, subject, tape, effects, state));
        if (memory != null) {
            borders.addAll(List.of(memory, memory.memory(), memory.tapped()));
        }
        image = new CoreImage(roots, borders, state);
    }

    /** Power-on: the first one, as it was then. */
    DeviceCore powerOn() {
        leave();
        DeviceCore first = firstCore;
        HostCalls itsCalls = firstCalls;
        CoreImage itsImage = image;
        if (first == null || itsCalls == null || itsImage == null) {
            throw new IllegalStateException("none was kept");
        }
        hostCalls = itsCalls;
        ports = firstPorts;
        state.putBytes(0, pristine, 0, state.capacity());
        itsImage.restore();
        return first;
    }

    /** Power-on, and one that is made for it. */
    DeviceCore afresh(long nowNs) {
        state.setMemory(0, state.capacity(), (byte) 0);
        return make(true, nowNs);
    }

    HostCalls hostCalls() {
        return hostCalls;
    }

    /** The streams of a virtio device. */
    @Nullable
    HostPorts ports() {
        return ports;
    }

    /** A copy. */
    byte[] state() {
        byte[] all = new byte[state.capacity()];
        state.getBytes(0, all);
        return all;
    }

    @Override
    public String toString() {
        return String.valueOf(image);
    }
}
