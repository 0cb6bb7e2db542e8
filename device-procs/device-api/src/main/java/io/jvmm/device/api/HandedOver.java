package io.jvmm.device.api;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.sys.Fd;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What the supervisor has handed over: descriptors by name, entries by key. One record, or two for a process that waited as a spare;
 * what the later one says counts. Device thread.
 */
final class HandedOver implements Descriptors, AutoCloseable {
    private final List<BootRecord> records = new ArrayList<>();
    private final List<Fd> taken = new ArrayList<>();

    HandedOver(BootRecord first) {
        records.add(first);
    }

    void add(BootRecord record) {
        records.addFirst(record);
    }

    /** The descriptor of a name, which must be there: {@link IllegalArgumentException} naming it, when it is not. */
    Fd take(String name) {
        return find(name).orElseGet(() -> records.getFirst().fd(name));
    }

    @Override
    public Optional<Fd> find(String name) {
        Optional<Fd> fd = newest(name);
        fd.ifPresent(taken::add);
        return fd;
    }

    private Optional<Fd> newest(String name) {
        for (BootRecord record : records) {
            Optional<Fd> fd = record.findFd(name);
            if (fd.isPresent()) {
                return fd;
            }
        }
        return Optional.empty();
    }

    Optional<String> text(String key) {
        for (BootRecord record : records) {
            Optional<String> value = record.findText(key);
            if (value.isPresent()) {
                return value;
            }
        }
        return Optional.empty();
    }

    /** All entries that are text and short: the configuration, for whoever writes down how this process began. */
    Map<String, String> texts() {
        Map<String, String> texts = new TreeMap<>();
        for (BootRecord record : records.reversed()) {
            for (String key : record.keys()) {
                if (!key.startsWith("seccomp.")) {
                    record.findText(key).ifPresent(value -> texts.put(key, value));
                }
            }
        }
        return texts;
    }

    /** Whether an entry says {@code true}. */
    boolean says(String key) {
        return text(key).orElse("").equals("true");
    }

    Optional<byte[]> bytes(String key) {
        for (BootRecord record : records) {
            Optional<byte[]> value = record.findBytes(key);
            if (value.isPresent()) {
                return value;
            }
        }
        return Optional.empty();
    }

    /** The entry as a decimal number; {@link IllegalArgumentException} naming the key, when it is none or not there. */
    long number(String key) {
        for (BootRecord record : records) {
            if (record.findText(key).isPresent()) {
                return record.longInteger(key);
            }
        }
        return records.getFirst().longInteger(key);
    }

    /** Whatever was handed over and nobody asked for is not ours to hold. */
    void closeUnused() {
        for (BootRecord record : records) {
            for (String name : record.fdNames()) {
                Fd fd = record.fd(name);
                if (!taken.contains(fd)) {
                    fd.close();
                }
            }
        }
    }

    /** A rehearsal is over: all of it. */
    @Override
    public void close() {
        for (BootRecord record : records) {
            record.fdNames().forEach(name -> record.fd(name).close());
        }
    }
}
