package io.jvmm.device.net;

import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.ipc.trace.Tape;
import java.util.ArrayList;
import java.util.List;
import org.agrona.DirectBuffer;

/** The host's side of the cards of a process in a replay: connects what stands for ports, and calls as {@link PortBackend} did. */
final class ReplayedCards implements HostCalls {
    private static final int MOST_PORTS = 64;

    private final List<NetCore> cards;
    private final Tape tape;

    ReplayedCards(List<NetCore> cards, Tape tape) {
        this.cards = cards;
        this.tape = tape;
    }

    @Override
    public boolean call(int method, long a, long b, long c, long nowNs, DirectBuffer bytes, int lengthBytes) {
        NetCall call = NetCall.of(method);
        if (call == null || a < 0 || a >= cards.size()) {
            return false;
        }
        NetCore card = cards.get((int) a);
        return switch (call) {
            case CONNECT -> b > 0 && b <= MOST_PORTS && connect(card, (int) a, (int) b);
            case INPUT -> {
                boolean known = b >= 0 && b < card.portCount();
                if (known) {
                    card.input((int) b);
                }
                yield known;
            }
            case OUTPUT -> {
                boolean known = b >= 0 && b < card.portCount();
                if (known) {
                    card.output((int) b);
                }
                yield known;
            }
            case SEND, FLUSH, RECEIVE, LOOK, TAKEN, OFFLOADS, LOST, STRAIGHT, GONE, ERRNO -> false;
        };
    }

    private boolean connect(NetCore card, int function, int count) {
        List<FramePort> ports = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            ports.add(new RecordedPort(tape, i, null));
        }
        card.connect(ports, null, function);
        return true;
    }

    @Override
    public String nameOf(int method) {
        return NetCall.nameOf(method);
    }
}
