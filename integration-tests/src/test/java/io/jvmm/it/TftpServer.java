package io.jvmm.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Gives one file to whoever asks for any, octet mode, no options (RFC 1350); on the loopback interface. */
final class TftpServer implements AutoCloseable {
    private static final int PORT = 69;
    private static final int BLOCK_BYTES = 512;
    private static final int LARGEST_PACKET = 2048;
    private static final int READ_REQUEST = 1;
    private static final int DATA = 3;
    private static final int ACKNOWLEDGEMENT = 4;
    private static final int RETRY_MS = 500;
    private static final int TRIES = 60;

    private final DatagramSocket requests;
    private final byte[] file;

    private TftpServer(DatagramSocket requests, byte[] file) {
        this.requests = requests;
        this.file = file;
    }

    static TftpServer of(byte[] file) {
        try {
            TftpServer server = new TftpServer(
                    new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), PORT)), file);
            Thread.ofPlatform().daemon().name("tftp").start(server::serve);
            return server;
        } catch (SocketException e) {
            throw new AssertionError(
                    "this test needs UDP port 69 (run it as root, or sudo sysctl net.ipv4.ip_unprivileged_port_start=69)",
                    e);
        }
    }

    private void serve() {
        DatagramPacket request = new DatagramPacket(new byte[LARGEST_PACKET], LARGEST_PACKET);
        while (!requests.isClosed()) {
            try {
                requests.receive(request);
                if (ByteBuffer.wrap(request.getData()).getShort() == READ_REQUEST) {
                    send(request.getSocketAddress());
                }
            } catch (SocketException e) {
                return; // closed
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private void send(SocketAddress client) throws IOException {
        try (DatagramSocket transfer = new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))) {
            transfer.setSoTimeout(RETRY_MS);
            for (int block = 1; (block - 1) * BLOCK_BYTES <= file.length; block++) {
                byte[] data =
                        Arrays.copyOfRange(file, (block - 1) * BLOCK_BYTES, Math.min(file.length, block * BLOCK_BYTES));
                ByteBuffer packet = ByteBuffer.allocate(4 + data.length)
                        .putShort((short) DATA)
                        .putShort((short) block)
                        .put(data);
                if (!isAcknowledged(transfer, client, packet.array(), block)) {
                    return;
                }
            }
        }
    }

    private static boolean isAcknowledged(DatagramSocket transfer, SocketAddress client, byte[] packet, int block)
            throws IOException {
        DatagramPacket answer = new DatagramPacket(new byte[LARGEST_PACKET], LARGEST_PACKET);
        for (int i = 0; i < TRIES; i++) {
            transfer.send(new DatagramPacket(packet, packet.length, client));
            try {
                transfer.receive(answer);
                ByteBuffer b = ByteBuffer.wrap(answer.getData());
                if (b.getShort(0) == ACKNOWLEDGEMENT && b.getShort(2) == (short) block) {
                    return true;
                }
            } catch (SocketTimeoutException e) {
                // Sent again.
            }
        }
        return false;
    }

    @Override
    public void close() {
        requests.close();
    }
}
