package io.jvmm.supervisor.config;

import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which device is where on PCI bus 0. A guest names disks and network interfaces after these places, so they depend on the
 * device's own class and its number in that class, and not on what else the machine has:
 *
 * <pre>
 *   1        console          4 ..  7  vsock          24 .. 30  net
 *   2        rng              8 .. 23  block
 *   3        balloon
 * </pre>
 *
 * A device that names its {@code slot} has that one; another that would have been there moves to the next that is free.
 */
public final class PciSlots {
    private static final Map<String, Integer> FIRST =
            Map.of("console", 1, "rng", 2, "balloon", 3, "vsock", 4, "block", 8, "net", 24);

    private PciSlots() {}

    /**
     * A slot for each device.
     *
     * @throws IllegalArgumentException when two want one, or there are too many
     */
    public static Map<VirtioConfig, Integer> assign(List<VirtioConfig> devices) {
        Map<VirtioConfig, Integer> slots = new LinkedHashMap<>();
        Set<Integer> taken = new HashSet<>();
        for (VirtioConfig d : devices) {
            if (d.placement().slot().isPresent()) {
                int slot = d.placement().slot().getAsInt();
                if (!taken.add(slot)) {
                    throw new IllegalArgumentException("two devices want slot " + slot + ".");
                }
                slots.put(d, slot);
            }
        }
        Map<String, Integer> numbers = new LinkedHashMap<>();
        for (VirtioConfig d : devices) {
            int number = numbers.merge(d.deviceClass(), 1, Integer::sum) - 1;
            if (d.placement().slot().isEmpty()) {
                slots.put(d, free(FIRST.getOrDefault(d.deviceClass(), 1) + number, taken));
            }
        }
        return slots;
    }

    private static int free(int wanted, Set<Integer> taken) {
        int slots = VirtioConfig.Placement.LAST_SLOT;
        for (int i = 0; i < slots; i++) {
            int slot = (wanted - 1 + i) % slots + 1;
            if (taken.add(slot)) {
                return slot;
            }
        }
        throw new IllegalArgumentException("a machine has room for " + slots + " devices on its PCI bus.");
    }
}
