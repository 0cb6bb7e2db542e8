package io.jvmm.device.api;

import java.util.Optional;

/**
 * The configuration entries a device is given, by key; the supervisor has validated them, the device does so again in
 * the constructor of its {@code Config} record.
 */
@FunctionalInterface
public interface DeviceConfig {

    /** The value of {@code key}, if given. */
    Optional<String> find(String key);

    /** The value of {@code key} or {@code otherwise}. */
    default String text(String key, String otherwise) {
        return find(key).orElse(otherwise);
    }

    /**
     * The value of {@code key} as a decimal number, or {@code otherwise} when absent.
     *
     * @throws IllegalArgumentException naming the key, when it is no number
     */
    default int integer(String key, int otherwise) {
        Optional<String> text = find(key);
        if (text.isEmpty()) {
            return otherwise;
        }
        try {
            return Integer.parseInt(text.get());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(key + ": '" + text.get() + "' is not a number", e);
        }
    }
}
