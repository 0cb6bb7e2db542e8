package io.jvmm.device.vsock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import io.jvmm.ipc.TestSeed;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** {@link ConnectionTable} against a map, and {@link Connection}'s credit against §5.10.6.3. */
class ConnectionTableTest {

    @Test
    void agreesWithAMap() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        ConnectionTable table = new ConnectionTable(100, (int) seed);
        Map<Long, Connection> map = new HashMap<>();
        for (int i = 0; i < 200_000; i++) {
            int hostPort = random.nextInt(12);
            int guestPort = random.nextInt(12);
            long key = (long) hostPort << 32 | guestPort;
            assertSame(map.get(key), table.find(hostPort, guestPort));
            Connection known = map.get(key);
            if (known != null) {
                table.leave(known);
                table.release(known);
                table.leave(known); // twice does nothing
                map.remove(key);
            } else {
                Connection made = table.allocate();
                if (made == null) {
                    assertEquals(100, map.size());
                } else {
                    made.begin(Connection.State.ESTABLISHED, 3);
                    made.hostPort = hostPort;
                    made.guestPort = guestPort;
                    table.enter(made);
                    map.put(key, made);
                }
            }
            assertEquals(map.size(), table.used());
        }
    }

    @Test
    void everyoneInTheRowOnceAndInOrder() {
        ConnectionTable table = new ConnectionTable(4, 0);
        List<Connection> all = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Connection connection = table.allocate();
            if (connection != null) {
                all.add(connection);
            }
        }
        assertNull(table.allocate());
        all.forEach(table::ready);
        table.ready(all.get(1));
        assertSame(all.get(0), table.takeReady());
        table.ready(all.get(0));
        assertSame(all.get(1), table.takeReady());
        assertSame(all.get(2), table.takeReady());
        assertSame(all.get(3), table.takeReady());
        assertSame(all.get(0), table.takeReady());
        assertNull(table.takeReady());
    }

    @Test
    void everyUseOfASlotIsAnother() {
        ConnectionTable table = new ConnectionTable(1, 0);
        Connection connection = table.slot(0);
        table.allocate();
        connection.begin(Connection.State.HANDSHAKE, 5);
        int generation = connection.generation;
        table.release(connection);
        assertNotSame(generation, connection.generation);
    }

    /** Free room = buf_alloc - (tx_cnt - fwd_cnt), all of it modulo 2^32. */
    @Test
    void credit() {
        Connection connection = new Connection(0);
        connection.guestBufAlloc = 1000;
        assertEquals(1000, connection.guestCredit());
        connection.sentCnt = 600;
        assertEquals(400, connection.guestCredit());
        connection.guestFwdCnt = 600;
        assertEquals(1000, connection.guestCredit());
        connection.guestFwdCnt = -100; // 2^32 - 100
        connection.sentCnt = 200;
        assertEquals(700, connection.guestCredit(), "the counters have wrapped around");
        connection.guestBufAlloc = 100;
        assertEquals(0, connection.guestCredit(), "a buffer that shrank");
        connection.guestBufAlloc = -1;
        assertEquals(0xFFFF_FFFFL - 300, connection.guestCredit());
        connection.guestFwdCnt = 201;
        assertEquals(0, connection.guestCredit(), "a guest that claims to have had more than it was sent");
    }
}
