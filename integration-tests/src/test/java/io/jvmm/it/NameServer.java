package io.jvmm.it;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;

/** A resolver that knows every name by one address (RFC 1035 §4). */
final class NameServer implements AutoCloseable {
    static final String ANSWER = "192.0.2.7";

    private static final int PORT = 53;
    private static final int MOST_BYTES = 512;
    private static final int HEADER_BYTES = 12;

    /** A pointer to the question's name, A, IN, a minute, four bytes of address. */
    private static final byte[] RECORD = {(byte) 0xc0, HEADER_BYTES, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, (byte) 192, 0, 2, 7
    };

    private final DatagramSocket socket;

    private NameServer(DatagramSocket socket) {
        this.socket = socket;
    }

    /** Starts one in the network namespace of the calling thread. */
    static NameServer on(String address) throws IOException {
        NameServer server = new NameServer(new DatagramSocket(new InetSocketAddress(address, PORT)));
        Thread.ofPlatform().daemon().name("name-server").start(server::serve);
        return server;
    }

    private void serve() {
        byte[] query = new byte[MOST_BYTES];
        while (!socket.isClosed()) {
            try {
                DatagramPacket packet = new DatagramPacket(query, query.length);
                socket.receive(packet);
                byte[] answer = answer(ByteBuffer.wrap(query, 0, packet.getLength()));
                socket.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
            } catch (IOException e) {
                // Closed: the loop ends.
            }
        }
    }

    /** The question again, and the record when it asks for one of the kind. */
    private static byte[] answer(ByteBuffer query) {
        int end = HEADER_BYTES;
        while (query.get(end) != 0) {
            end += 1 + query.get(end);
        }
        end += 5;
        boolean known = query.getShort(end - 4) == 1;
        ByteBuffer answer = ByteBuffer.allocate(end + (known ? RECORD.length : 0));
        answer.put(query.slice(0, end));
        answer.putShort(2, (short) 0x8180)
                .putShort(4, (short) 1)
                .putShort(6, (short) (known ? 1 : 0))
                .putInt(8, 0);
        return known ? answer.put(RECORD).array() : answer.array();
    }

    @Override
    public void close() {
        socket.close();
    }
}
