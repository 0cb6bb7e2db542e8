package io.jvmm.supervisor.config;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * The socket device (virtio 1.2 §5.10).
 *
 * @param cid the guest's address; 0 to 2 are taken
 * @param path unix socket for the host's clients, which say {@code CONNECT port}; a guest that connects to port N reaches
 *     {@code path_N}
 */
public record VsockConfig(Placement placement, long cid, Path path) implements VirtioConfig {
    public static final long FIRST_CID = 3;
    public static final long LAST_CID = 0xffff_fffeL;

    /** Most connections at a time, what the device has unless told: each takes a descriptor of its process. */
    public static final int MOST_CONNECTIONS = 256;

    /** What {@code _4294967295} adds. */
    private static final int LONGEST_PATH = SerialConfig.LONGEST_SOCKET_PATH - 11;

    public VsockConfig {
        if (cid < FIRST_CID || cid > LAST_CID) {
            throw new IllegalArgumentException(cid + " is no guest's address: " + FIRST_CID + " to " + LAST_CID + ".");
        }
        int length = path.toString().getBytes(StandardCharsets.UTF_8).length;
        if (length > LONGEST_PATH) {
            throw new IllegalArgumentException("the socket's path may have " + LONGEST_PATH
                    + " bytes, for the port is put behind it, and " + path + " has " + length
                    + ". Choose a shorter one.");
        }
    }

    @Override
    public String deviceClass() {
        return "vsock";
    }

    @Override
    public int queues() {
        return 3;
    }
}
