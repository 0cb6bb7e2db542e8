package io.jvmm.device.virtio;

import io.jvmm.ipc.state.FieldFormat;
import io.jvmm.ipc.state.FieldFormat.Part;
import io.jvmm.ipc.state.StateFormats;
import java.util.Map;
import java.util.TreeMap;

/** How the transport's part of a state is shown: names of virtio 1.2 §2.1, §4.1.4.3 and §6. */
final class VirtioFormats {
    private static final FieldFormat VECTOR =
            FieldFormat.except(CommonConfig.NO_VECTOR, "NO_VECTOR", FieldFormat.DECIMAL);

    private VirtioFormats() {}

    /** Of a whole state, with the device's own part. */
    static StateFormats of(VirtioFactory factory) {
        return StateFormats.NONE
                .and("function.common.", common(factory.featureNames()))
                .and("function.queue.", queue())
                .and("function.device.", factory.stateFormats());
    }

    private static StateFormats common(Map<Integer, String> deviceFeatures) {
        return StateFormats.NONE
                .and(FieldFormat.flags(features(deviceFeatures)), "driver_feature")
                .and(FieldFormat.DECIMAL, "device_feature_select", "driver_feature_select", "queue_select")
                .and(VECTOR, "config_msix_vector")
                .and(
                        FieldFormat.flags(
                                "ACKNOWLEDGE", "DRIVER", "DRIVER_OK", "FEATURES_OK", "", "", "NEEDS_RESET", "FAILED"),
                        "device_status",
                        "resetting")
                .and(FieldFormat.DECIMAL, "config_generation")
                .and(FieldFormat.flags("QUEUE", "CONFIG"), "isr_status")
                .and(FieldFormat.YES_NO, "intx", "notice_owed");
    }

    private static StateFormats queue() {
        return StateFormats.NONE
                .and(FieldFormat.HEX, "queue_desc", "queue_driver", "queue_device", "area")
                .and(FieldFormat.DECIMAL, "queue_size", "avail", "pending")
                .and(VECTOR, "queue_msix_vector")
                .and(FieldFormat.YES_NO, "queue_enable", "queue_reset", "broken")
                // Split: an index. Packed: a position, with its wrap counter in bit 15.
                .and(FieldFormat.register(Part.of(1 << 15, "", "wrap")), "used");
    }

    private static Map<Integer, String> features(Map<Integer, String> deviceFeatures) {
        Map<Integer, String> names = new TreeMap<>(deviceFeatures);
        name(names, VirtioFeature.INDIRECT_DESC, "INDIRECT_DESC");
        name(names, VirtioFeature.EVENT_IDX, "EVENT_IDX");
        name(names, VirtioFeature.VERSION_1, "VERSION_1");
        name(names, VirtioFeature.ACCESS_PLATFORM, "ACCESS_PLATFORM");
        name(names, VirtioFeature.RING_PACKED, "RING_PACKED");
        name(names, VirtioFeature.IN_ORDER, "IN_ORDER");
        name(names, VirtioFeature.ORDER_PLATFORM, "ORDER_PLATFORM");
        name(names, VirtioFeature.NOTIFICATION_DATA, "NOTIFICATION_DATA");
        name(names, VirtioFeature.RING_RESET, "RING_RESET");
        return names;
    }

    private static void name(Map<Integer, String> names, long mask, String name) {
        names.put(Long.numberOfTrailingZeros(mask), name);
    }
}
