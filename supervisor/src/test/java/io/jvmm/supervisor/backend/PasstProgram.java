package io.jvmm.supervisor.backend;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;

/**
 * A host with a listener on its loopback and a resolver on 127.0.0.53, which answers with what it was asked, and a guest behind
 * passt that tries both. Says what came of it.
 */
final class PasstProgram {
    private static final int PORT = 7000;
    private static final byte[] GATEWAY = {10, 9, 8, (byte) 254};
    private static final byte[] STAND_IN = {(byte) 169, (byte) 254, 1, 1};

    private PasstProgram() {}

    static void main(String[] args) throws IOException {
        boolean hostLoopback = Boolean.parseBoolean(args[0]);
        Path program = Passt.find().orElseThrow(() -> new AssertionError("apt-get install passt"));
        try (DatagramSocket resolver = new DatagramSocket(new InetSocketAddress("127.0.0.53", 53));
                ServerSocketChannel listener = ServerSocketChannel.open()) {
            listener.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), PORT));
            listener.configureBlocking(false);
            Thread.ofPlatform().daemon().start(() -> echo(resolver));
            try (Passt passt = Passt.start(PasstTest.card(hostLoopback), program)) {
                PasstGuest guest = new PasstGuest(passt.socket());
                System.out.println("resolvers " + guest.resolversByDhcp());
                guest.connect(GATEWAY, PORT);
                guest.connect(STAND_IN, PORT);
                // In order: with the answer here, passt has seen what came before.
                System.out.println("answer " + guest.ask(hostLoopback ? GATEWAY : STAND_IN, "who is who?"));
                boolean reached = listener.accept() != null;
                System.out.println("the gateway is " + (reached ? "" : "not ") + "the loopback");
            }
        }
    }

    private static void echo(DatagramSocket socket) {
        try {
            while (true) {
                DatagramPacket packet = new DatagramPacket(new byte[512], 512);
                socket.receive(packet);
                socket.send(packet);
            }
        } catch (IOException e) {
            // Closed at the end.
        }
    }
}
