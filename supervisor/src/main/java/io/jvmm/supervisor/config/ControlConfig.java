package io.jvmm.supervisor.config;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The machine's control socket.
 *
 * @param enabled whether there is one
 * @param socket where; without it in the supervisor's runtime directory, where {@code jvmmctl} finds it by the machine's name
 */
public record ControlConfig(boolean enabled, Optional<Path> socket) {
    /** One that is found by the machine's name. */
    public static final ControlConfig STANDARD = new ControlConfig(true, Optional.empty());

    /** No control socket. */
    public static final ControlConfig NONE = new ControlConfig(false, Optional.empty());

    /** The word that stands for none in the place of a path. */
    static final String NONE_WORD = "none";

    public ControlConfig {
        if (socket.isPresent()) {
            int length = socket.get().toString().getBytes(StandardCharsets.UTF_8).length;
            if (length > SerialConfig.LONGEST_SOCKET_PATH) {
                throw new IllegalArgumentException("a socket's path may have " + SerialConfig.LONGEST_SOCKET_PATH
                        + " bytes, and " + socket.get() + " has " + length + ". Choose a shorter one.");
            }
        }
    }
}
