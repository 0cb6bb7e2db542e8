package io.jvmm.supervisor.config;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Which streams of the machine have which paths: no two of them the same, or one would take the other's socket, link or file away. Files of the
 * host's devices, such as {@code /dev/null}, are anybody's.
 */
final class PathClaims {
    private static final Path HOST_DEVICES = Path.of("/dev");

    private final Map<Path, String> claims = new HashMap<>();

    /**
     * The path is to be this key's.
     *
     * @param what whose it is to be, as the user knows it: {@code COM2}
     * @return whether it is; if not, the key's complaint has been made
     */
    boolean claim(TableReader t, ConfigKey key, Optional<Path> path, String what) {
        if (path.isEmpty() || path.get().normalize().startsWith(HOST_DEVICES)) {
            return true;
        }
        String former = claims.putIfAbsent(path.get().toAbsolutePath().normalize(), what);
        if (former != null) {
            t.complain(key, path.get() + " is " + former + "'s already. Choose another path.");
        }
        return former == null;
    }
}
