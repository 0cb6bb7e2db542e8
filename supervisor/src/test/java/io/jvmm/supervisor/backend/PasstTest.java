package io.jvmm.supervisor.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.supervisor.Programs;
import io.jvmm.supervisor.config.NetConfig;
import io.jvmm.supervisor.config.VirtioConfig.Placement;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The real passt(1) as the supervisor starts it, on a host whose resolver is on its loopback: {@link PasstProgram} in network and
 * mount namespaces of its own. It takes passt and iproute2 (Debian packages).
 */
class PasstTest {
    private static final String NAMESPACE = """
            set -e
            mount --bind "$1" /etc/resolv.conf
            shift
            ip link set lo up
            ip tuntap add dev tap0 mode tap
            ip address add 10.9.8.1/24 dev tap0
            ip link set tap0 up
            ip route add default via 10.9.8.254
            exec "$@"
            """;

    @TempDir
    Path dir;

    static NetConfig card(boolean hostLoopback) {
        return new NetConfig(
                Placement.standard("0"),
                NetConfig.Backend.PASST,
                Optional.empty(),
                "02:00:00:00:00:02",
                1500,
                1,
                256,
                false,
                true,
                List.of(),
                hostLoopback);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theResolverIsInReachAndTheLoopbackOnlyIfSaid(boolean hostLoopback) throws Exception {
        Path resolvConf = Files.writeString(dir.resolve("resolv.conf"), "nameserver 127.0.0.53\n");
        List<String> command = new ArrayList<>(List.of("unshare", "--net", "--mount"));
        if (!"root".equals(System.getProperty("user.name"))) {
            command.addAll(List.of("--user", "--map-root-user"));
        }
        command.addAll(List.of("sh", "-c", NAMESPACE, "sh", resolvConf.toString()));
        command.addAll(
                Programs.of(PasstProgram.class, Boolean.toString(hostLoopback)).command());
        assertEquals(
                hostLoopback
                        ? "resolvers [10.9.8.254]\nanswer who is who?\nthe gateway is the loopback\n"
                        : "resolvers [169.254.1.1]\nanswer who is who?\nthe gateway is not the loopback\n",
                run(command));
    }

    private static String run(List<String> command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), said);
        return said;
    }

    @Test
    void itsCommandLine() {
        Path program = Path.of("/usr/bin/passt");
        List<String> closed = Passt.command(card(false), program, true);
        assertTrue(closed.contains("--no-map-gw"), closed::toString);
        assertEquals("169.254.1.1", closed.get(closed.indexOf("--dns-forward") + 1));
        List<String> open = Passt.command(card(true), program, false);
        assertFalse(open.contains("--no-map-gw") || open.contains("--dns-forward"), open::toString);
    }
}
