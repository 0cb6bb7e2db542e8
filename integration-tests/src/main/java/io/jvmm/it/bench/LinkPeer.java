package io.jvmm.it.bench;

import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.link.LinkKind;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.UnixSocket;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** The answering process of a {@link LinkPair}: takes its descriptors from a socket and its orders, one a line, from standard input. */
final class LinkPeer {
    private static final long PATIENCE_NS = 10_000_000_000L;

    private LinkPeer() {}

    static void main(String[] args) throws IOException {
        BootRecord record;
        try (UnixSocket socket = UnixSocket.connect(Path.of(args[0]));
                BootChannel channel = BootChannel.over(socket.fd())) {
            record = channel.receive(PATIENCE_NS);
        }
        LinkMemory memory = LinkMemory.attach(record.fd("link"), LinkKind.DEVICE);
        EventFd request = EventFd.of(record.fd("request"));
        DeviceEndpoint device = new DeviceEndpoint(memory, request, EventFd.of(record.fd("event")), 0);
        Poller poller = new Poller(1);
        poller.add(request.fd(), Poller.READABLE);
        Mapping words = Mapping.shared(record.fd("words"), 0, LinkBench.WORDS_BYTES, Mapping.Access.READ_WRITE);
        EventFd interrupt = EventFd.of(record.fd("interrupt"));
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        long plain = 1;
        for (String order = orders.readLine(); order != null; order = orders.readLine()) {
            String[] parts = order.split(" ", 2);
            int count = Integer.parseInt(parts[1]);
            System.out.println("ready");
            switch (PingPong.Kind.valueOf(parts[0])) {
                case PLAIN -> {
                    PingPong.answerPlain(words, plain, count);
                    plain += count;
                }
                case LINK_SPINNING -> PingPong.answerLinkSpinning(device, count);
                case EVENTFD -> PingPong.answerEventFd(record.fd("ask"), record.fd("answer"), count);
                case LINK_SLEEPING, LINK_WOKEN -> PingPong.answerLinkSleeping(device, poller, count);
                case INTERRUPT -> PingPong.answerKicks(device, null, interrupt, count);
                case INTERRUPT_WOKEN -> PingPong.answerKicks(device, poller, interrupt, count);
            }
        }
    }
}
