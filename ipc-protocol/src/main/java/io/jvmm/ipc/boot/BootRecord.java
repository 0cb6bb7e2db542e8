package io.jvmm.ipc.boot;

import io.jvmm.ipc.sys.Fd;
import java.util.Optional;
import java.util.Set;

/** STUB: bodies follow. */
public final class BootRecord {
    private BootRecord() {}

    public static Builder builder() {
        return new Builder();
    }

    public Fd fd(String name) {
        throw new UnsupportedOperationException();
    }

    public Optional<Fd> findFd(String name) {
        throw new UnsupportedOperationException();
    }

    public Set<String> fdNames() {
        throw new UnsupportedOperationException();
    }

    public String text(String key) {
        throw new UnsupportedOperationException();
    }

    public Optional<String> findText(String key) {
        throw new UnsupportedOperationException();
    }

    public int integer(String key) {
        throw new UnsupportedOperationException();
    }

    public long longInteger(String key) {
        throw new UnsupportedOperationException();
    }

    public byte[] bytes(String key) {
        throw new UnsupportedOperationException();
    }

    public Optional<byte[]> findBytes(String key) {
        throw new UnsupportedOperationException();
    }

    public Set<String> keys() {
        throw new UnsupportedOperationException();
    }

    /** Collects a record to send. */
    public static final class Builder {
        private Builder() {}

        public Builder fd(String name, Fd fd) {
            return this;
        }

        public Builder put(String key, String value) {
            return this;
        }

        public Builder put(String key, byte[] value) {
            return this;
        }

        public Builder put(String key, long value) {
            return put(key, Long.toString(value));
        }

        public BootRecord build() {
            return new BootRecord();
        }
    }
}
