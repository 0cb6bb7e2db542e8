package io.jvmm.supervisor.backend;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** What resolv.conf(5) says, and what passt reads in its stead. */
class HostResolversTest {
    /** passt reads the file itself. */
    @Test
    void resolversThatTheGuestReachesStayAsTheyAre() {
        for (String text : new String[] {
            "",
            "nameserver 192.0.2.53\n",
            "# nameserver 127.0.0.1\nsearch example.org\nnameserver\t192.0.2.53\nnameserver fe80::1%eth0\n",
            "nameserver nonsense\nnameserver 300.0.0.1\n"
        }) {
            HostResolvers resolvers = new HostResolvers(text);
            assertFalse(resolvers.needStandIn() || resolvers.areOutOfReach(), text);
            assertEquals(text, resolvers.withStandIn());
        }
    }

    /** What systemd-resolved writes. */
    @Test
    void oneOnTheLoopbackGetsAStandIn() {
        HostResolvers resolvers =
                new HostResolvers("# a comment\nnameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n");
        assertTrue(resolvers.needStandIn());
        assertEquals(
                "nameserver 127.0.0.53\n# a comment\nnameserver 169.254.1.1\noptions edns0 trust-ad\nsearch .\n",
                resolvers.withStandIn());
    }

    @Test
    void theOthersKeepTheirPlaces() {
        assertEquals(
                "nameserver 127.0.0.1\nnameserver 192.0.2.1\nnameserver ::1\nnameserver 169.254.1.1\n",
                new HostResolvers("nameserver 192.0.2.1\nnameserver ::1\nnameserver 127.0.0.1\nnameserver 127.0.0.2\n")
                        .withStandIn());
    }

    /** As the C library reads it: the address ends at a blank. */
    @Test
    void whatFollowsTheAddressIsNotLookedAt() {
        assertEquals(
                "nameserver 127.0.0.1\nnameserver 169.254.1.1\nnameserver 192.0.2.1 # theirs\nnameserver 127.0.0.1x\n",
                new HostResolvers("nameserver 127.0.0.1 # ours\nnameserver 192.0.2.1 # theirs\nnameserver 127.0.0.1x\n")
                        .withStandIn());
    }

    @Test
    void theLoopbackOfIpv6Alone() {
        HostResolvers resolvers = new HostResolvers("nameserver ::1\n");
        assertTrue(resolvers.areOutOfReach());
        assertFalse(resolvers.needStandIn());
    }
}
