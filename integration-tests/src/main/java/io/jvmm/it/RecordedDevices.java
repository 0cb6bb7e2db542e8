package io.jvmm.it;

/** A stock guest with one device of each class, every one recorded. */
public final class RecordedDevices {
    /** For {@link DebianMachine#boot}, beside its own tables, of which the last is the first disk's. The sockets are {@code control}, {@code hvc0.sock} and {@code v.sock}. */
    public static final String TABLES = """
            journal = true
            [platform]
            journal = true
            [[serial]]
            port = 2
            backend = "none"
            journal = true
            [[net]]
            backend = "none"
            journal = true
            [console]
            backend = "socket"
            path = "hvc0.sock"
            journal = true
            [rng]
            journal = true
            [balloon]
            journal = true
            [[vsock]]
            cid = 42
            path = "v.sock"
            journal = true
            [control]
            socket = "control"
            [journal]
            directory = "journal"
            """;

    private RecordedDevices() {}
}
