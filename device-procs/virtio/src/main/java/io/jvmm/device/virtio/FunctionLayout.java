package io.jvmm.device.virtio;

import java.lang.foreign.MemoryLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Where the parts of a function are: in the state segment, among the interrupt lines and in BAR 0.
 *
 * <pre>
 *   state of a function   | transport, 32 | queue 0 | queue 1 | ... | the device's own |
 *   BAR 0                 0x0000 common   0x1000 ISR   0x2000 device configuration   0x3000 doorbells, 4 bytes each
 * </pre>
 */
record FunctionLayout(VirtioIdentity identity, int transportOffset, int firstLine) {
    static final int COMMON = 0x0000;
    static final int ISR = 0x1000;
    static final int DEVICE = 0x2000;
    static final int NOTIFY = 0x3000;
    static final int NOTIFY_MULTIPLIER = 4;
    static final int BAR_BYTES = 0x4000;

    /** Layouts of all functions of a process, one behind the other. */
    static List<FunctionLayout> of(List<VirtioIdentity> identities) {
        List<FunctionLayout> layouts = new ArrayList<>();
        int offset = 0;
        int line = 0;
        for (VirtioIdentity identity : identities) {
            FunctionLayout layout = new FunctionLayout(identity, offset, line);
            layouts.add(layout);
            offset += layout.stateBytes();
            line += layout.lines();
        }
        return layouts;
    }

    /**
     * The format of the state of such functions; version {@link VirtioProcess#STATE_VERSION}.
     *
     * @param devices of each the device's own part
     */
    static MemoryLayout state(List<FunctionLayout> layouts, List<MemoryLayout> devices) {
        List<MemoryLayout> functions = new ArrayList<>();
        for (FunctionLayout layout : layouts) {
            int function = functions.size();
            functions.add(layout.state(devices.get(function)).withName("function" + function));
        }
        return MemoryLayout.structLayout(functions.toArray(new MemoryLayout[0]));
    }

    private MemoryLayout state(MemoryLayout device) {
        List<MemoryLayout> parts = new ArrayList<>();
        parts.add(TransportState.LAYOUT.withName("common"));
        for (int i = 0; i < identity.queueSizes().size(); i++) {
            parts.add(QueueState.layout(identity.queueSizes().get(i), packed()).withName("queue" + i));
        }
        if (device.byteSize() != identity.stateLengthBytes()) {
            throw new IllegalArgumentException("a layout of " + device.byteSize() + " bytes for a device's state of "
                    + identity.stateLengthBytes());
        }
        if (device.byteSize() > 0) {
            parts.add(device.withName("device"));
        }
        return MemoryLayout.structLayout(parts.toArray(new MemoryLayout[0]));
    }

    /** Whether the state has room for packed rings. */
    boolean packed() {
        return (identity.features() & VirtioFeature.RING_PACKED) != 0;
    }

    int queueOffset(int queue) {
        int offset = transportOffset + TransportState.LENGTH_BYTES;
        for (int i = 0; i < queue; i++) {
            offset += QueueState.lengthBytes(identity.queueSizes().get(i), packed());
        }
        return offset;
    }

    int deviceOffset() {
        return queueOffset(identity.queueSizes().size());
    }

    private int stateBytes() {
        return deviceOffset() + identity.stateLengthBytes() - transportOffset;
    }

    /** Its vectors and INTx. */
    int lines() {
        return identity.vectors() + 1;
    }
}
