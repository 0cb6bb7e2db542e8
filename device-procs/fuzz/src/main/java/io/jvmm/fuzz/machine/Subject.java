package io.jvmm.fuzz.machine;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.DeviceFactory;
import io.jvmm.device.api.HostPorts;
import io.jvmm.device.virtio.VirtioFactory;
import io.jvmm.device.virtio.VirtioProcess;
import io.jvmm.fuzz.program.Operation;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A device as the machine wants it.
 *
 * @param factory the shipped one
 * @param config its entries
 * @param entries the same
 * @param vocabulary what an input can say
 * @param host in the place of back ends
 * @param maker remembers the virtio device that was made last; null for another device
 * @param portCount character streams of a virtio device, which it has itself
 * @param answering virtqueues whose buffers come back by themselves, once they were kicked and the host behaves, a bit each, for the
 *     features that were negotiated
 */
public record Subject(
        DeviceFactory factory,
        DeviceConfig config,
        Map<String, String> entries,
        List<Operation> vocabulary,
        HostModel host,
        @Nullable CapturedFactory maker,
        int portCount,
        LongUnaryOperator answering) {

    /** A device without virtqueues, whose core is all there is. */
    public static Subject plain(DeviceFactory factory, Map<String, String> entries, List<Operation> vocabulary) {
        return new Subject(
                factory, config(entries), entries, vocabulary, new HostModel.Plain(), null, 0, features -> 0);
    }

    /**
     * A virtio device of one function.
     *
     * @param entries of the function
     */
    public static Subject virtio(
            VirtioFactory factory,
            Map<String, String> entries,
            HostModel host,
            int portCount,
            LongUnaryOperator answering) {
        CapturedFactory captured = new CapturedFactory(factory);
        Map<String, String> all = new HashMap<>();
        entries.forEach((key, value) -> all.put("0." + key, value));
        return new Subject(
                new VirtioProcess(captured),
                config(all),
                all,
                Operation.OF_VIRTIO,
                host,
                captured,
                portCount,
                answering);
    }

    private static DeviceConfig config(Map<String, String> entries) {
        Map<String, String> kept = Map.copyOf(entries);
        return key -> Optional.ofNullable(kept.get(key));
    }

    /** The streams of the virtio device that was made last, if it has any. */
    @Nullable
    HostPorts ports() {
        return maker != null && maker.latest() instanceof HostPorts ports ? ports : null;
    }
}
