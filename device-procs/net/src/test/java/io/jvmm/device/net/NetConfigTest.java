package io.jvmm.device.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.DeviceConfig;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The configuration record, and which features it makes the device offer (virtio 1.2 §5.1.3). */
class NetConfigTest {

    static DeviceConfig entries(String... pairs) {
        Map<String, String> map = new HashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            map.put(pairs[i], pairs[i + 1]);
        }
        return key -> Optional.ofNullable(map.get(key));
    }

    private static String refused(String... pairs) {
        return String.valueOf(assertThrows(IllegalArgumentException.class, () -> NetConfig.from(entries(pairs)))
                .getMessage());
    }

    @Test
    void aWrongValueNamesItsKey() {
        assertTrue(refused("mac", "52:54:00:12:34").startsWith("mac: "));
        assertTrue(refused("mac", "01:00:5e:00:00:01").startsWith("mac: "));
        assertTrue(refused("mac", "00:00:00:00:00:00").startsWith("mac: "));
        assertTrue(refused("mtu", "67").startsWith("mtu: "));
        assertTrue(refused("mtu", "65536").startsWith("mtu: "));
        assertTrue(refused("pairs", "9").startsWith("pairs: "));
        assertTrue(refused("pairs", "2", "backend", "passt").startsWith("pairs: "));
        assertTrue(refused("backend", "bridge").startsWith("backend: "));
        assertTrue(refused("queue-size", "100").startsWith("queue-size: "));
        assertTrue(refused("offloads", "yes").startsWith("offloads: "));
    }

    @Test
    void featuresFollowTheBackend() {
        long tap = NetFeatures.offered(NetConfig.from(entries("backend", "tap", "pairs", "2")));
        assertTrue(NetFeatures.consistent(tap));
        assertEquals(NetFeatures.MQ, tap & NetFeatures.MQ);
        assertEquals(NetFeatures.GUEST_TSO4, tap & NetFeatures.GUEST_TSO4);
        long passt = NetFeatures.offered(NetConfig.from(entries("backend", "passt")));
        assertTrue(NetFeatures.consistent(passt));
        assertEquals(0, passt & (NetFeatures.MQ | NetFeatures.GUEST_TSO4 | NetFeatures.HOST_UFO));
        assertEquals(NetFeatures.HOST_TSO4, passt & NetFeatures.HOST_TSO4);
        long bare = NetFeatures.offered(NetConfig.from(entries("backend", "tap", "offloads", "false")));
        assertEquals(0, bare & (NetFeatures.CSUM | NetFeatures.GUEST_OFFLOADS | NetFeatures.HOST_TSO4));
    }

    @Test
    void section5131AFeatureComesWithWhatItRequires() {
        long all = NetFeatures.offered(NetConfig.from(entries("backend", "tap", "pairs", "2")));
        long[][] requirements = {
            {NetFeatures.GUEST_TSO4, NetFeatures.GUEST_CSUM},
            {NetFeatures.GUEST_UFO, NetFeatures.GUEST_CSUM},
            {NetFeatures.GUEST_USO6, NetFeatures.GUEST_CSUM},
            {NetFeatures.GUEST_ECN, NetFeatures.GUEST_TSO4 | NetFeatures.GUEST_TSO6},
            {NetFeatures.HOST_TSO6, NetFeatures.CSUM},
            {NetFeatures.HOST_UFO, NetFeatures.CSUM},
            {NetFeatures.HOST_USO, NetFeatures.CSUM},
            {NetFeatures.HOST_ECN, NetFeatures.HOST_TSO4 | NetFeatures.HOST_TSO6},
            {NetFeatures.CTRL_RX, NetFeatures.CTRL_VQ},
            {NetFeatures.CTRL_VLAN, NetFeatures.CTRL_VQ},
            {NetFeatures.GUEST_ANNOUNCE, NetFeatures.CTRL_VQ},
            {NetFeatures.MQ, NetFeatures.CTRL_VQ},
            {NetFeatures.CTRL_MAC_ADDR, NetFeatures.CTRL_VQ},
        };
        for (long[] requirement : requirements) {
            assertEquals(requirement[0], all & requirement[0]);
            assertTrue(!NetFeatures.consistent(requirement[0]));
            assertTrue(!NetFeatures.consistent(all & ~requirement[1]));
            long satisfied = requirement[0] | requirement[1] | NetFeatures.GUEST_CSUM | NetFeatures.CSUM;
            assertTrue(NetFeatures.consistent(satisfied));
        }
        assertTrue(NetFeatures.consistent(0));
    }
}
