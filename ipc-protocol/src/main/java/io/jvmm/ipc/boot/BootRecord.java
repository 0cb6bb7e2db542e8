package io.jvmm.ipc.boot;

import io.jvmm.ipc.sys.Fd;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Descriptors by name and configuration by key: what the supervisor hands to a process at its start. Immutable. It does
 * not own the descriptors: a sender keeps its own, a receiver takes over those it received.
 */
public final class BootRecord {
    private final Map<String, Fd> fds;
    private final Map<String, byte[]> entries;

    BootRecord(Map<String, Fd> fds, Map<String, byte[]> entries) {
        this.fds = Collections.unmodifiableMap(new LinkedHashMap<>(fds));
        this.entries = Collections.unmodifiableMap(new LinkedHashMap<>(entries));
    }

    public static Builder builder() {
        return new Builder();
    }

    /** The descriptor of that name. Throws {@link IllegalArgumentException} naming it when there is none. */
    public Fd fd(String name) {
        return findFd(name)
                .orElseThrow(() -> new IllegalArgumentException(
                        "boot record: no descriptor \"" + name + "\"; there are " + fds.keySet()));
    }

    public Optional<Fd> findFd(String name) {
        return Optional.ofNullable(fds.get(name));
    }

    /** Names of the descriptors in the order they were sent. */
    public Set<String> fdNames() {
        return fds.keySet();
    }

    /** The entry as text. Throws {@link IllegalArgumentException} naming the key when there is none. */
    public String text(String key) {
        return new String(bytes(key), StandardCharsets.UTF_8);
    }

    public Optional<String> findText(String key) {
        return findBytes(key).map(value -> new String(value, StandardCharsets.UTF_8));
    }

    /** The entry as a decimal 32-bit number. Throws {@link IllegalArgumentException} when there is none, or it is none. */
    public int integer(String key) {
        try {
            return Integer.parseInt(text(key));
        } catch (NumberFormatException e) {
            throw notANumber(key, e);
        }
    }

    /** The entry as a decimal 64-bit number. Throws {@link IllegalArgumentException} when there is none, or it is none. */
    public long longInteger(String key) {
        try {
            return Long.parseLong(text(key));
        } catch (NumberFormatException e) {
            throw notANumber(key, e);
        }
    }

    private IllegalArgumentException notANumber(String key, NumberFormatException cause) {
        return new IllegalArgumentException("boot record: \"" + key + "\" is no number: \"" + text(key) + "\"", cause);
    }

    /** The entry as bytes, a copy. Throws {@link IllegalArgumentException} naming the key when there is none. */
    public byte[] bytes(String key) {
        return findBytes(key)
                .orElseThrow(() -> new IllegalArgumentException(
                        "boot record: no entry \"" + key + "\"; there are " + entries.keySet()));
    }

    public Optional<byte[]> findBytes(String key) {
        return Optional.ofNullable(entries.get(key)).map(byte[]::clone);
    }

    /** Keys of the entries in the order they were sent. */
    public Set<String> keys() {
        return entries.keySet();
    }

    Map<String, Fd> fds() {
        return fds;
    }

    Map<String, byte[]> entries() {
        return entries;
    }

    /** Collects a record to send. */
    public static final class Builder {
        private final Map<String, Fd> fds = new LinkedHashMap<>();
        private final Map<String, byte[]> entries = new LinkedHashMap<>();

        private Builder() {}

        /** Adds a descriptor; it stays the caller's and must be open until the record is sent. */
        public Builder fd(String name, Fd fd) {
            if (fds.putIfAbsent(name, fd) != null) {
                throw new IllegalArgumentException("boot record: two descriptors \"" + name + "\"");
            }
            return this;
        }

        public Builder put(String key, String value) {
            return put(key, value.getBytes(StandardCharsets.UTF_8));
        }

        public Builder put(String key, long value) {
            return put(key, Long.toString(value));
        }

        public Builder put(String key, byte[] value) {
            if (entries.putIfAbsent(key, value.clone()) != null) {
                throw new IllegalArgumentException("boot record: two entries \"" + key + "\"");
            }
            return this;
        }

        public BootRecord build() {
            return new BootRecord(fds, entries);
        }
    }
}
