package io.jvmm.ipc.message;

import static io.jvmm.ipc.message.SupervisorEventLayout.FIRST;
import static io.jvmm.ipc.message.SupervisorEventLayout.LOG_MAX_TEXT_BYTES;
import static io.jvmm.ipc.message.SupervisorEventLayout.LOG_TEXT;
import static io.jvmm.ipc.message.SupervisorEventLayout.READY_HASH;
import static io.jvmm.ipc.message.SupervisorEventLayout.READY_HASH_BYTES;
import static io.jvmm.ipc.message.SupervisorEventLayout.READY_NS;
import static io.jvmm.ipc.message.SupervisorEventLayout.READY_THREADS;
import static io.jvmm.ipc.message.SupervisorEventLayout.SECOND;
import static io.jvmm.ipc.message.SupervisorEventLayout.VIOLATION_EVIDENCE;
import static io.jvmm.ipc.message.SupervisorEventLayout.VIOLATION_EVIDENCE_BYTES;
import static io.jvmm.ipc.message.SupervisorEventLayout.WORD;
import static io.jvmm.ipc.message.SupervisorEventLayout.WORD_2;

import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.ring.Violation.Kind;
import java.nio.charset.StandardCharsets;
import org.agrona.DirectBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Reads and validates the events of a supervisor link and hands them to a handler. One thread; the process is hostile.
 * Texts and evidence are allocated, at most {@code limit} of them a poll.
 */
public final class SupervisorEventAdapter {
    private final HardenedReader reader;
    private final DirectBuffer message;

    public SupervisorEventAdapter(HardenedReader reader) {
        this.reader = reader;
        this.message = reader.message();
    }

    /**
     * Delivers at most {@code limit} events.
     *
     * @return how many were delivered
     */
    public int poll(SupervisorEventHandler handler, int limit) {
        int delivered = 0;
        while (delivered < limit && reader.next()) {
            boolean valid = deliver(handler);
            reader.release();
            if (!valid) {
                break;
            }
            delivered++;
        }
        return delivered;
    }

    private boolean deliver(SupervisorEventHandler handler) {
        @Nullable SupervisorEventType type = SupervisorEventType.of(reader.type());
        if (type == null) {
            return reader.sever(Kind.UNKNOWN_MESSAGE);
        }
        boolean lengthFits = (type == SupervisorEventType.LOG || type == SupervisorEventType.ENGINE)
                ? reader.length() >= LOG_TEXT && reader.length() <= type.lengthBytes()
                : reader.length() == type.lengthBytes();
        if (!lengthFits) {
            return reader.sever(Kind.MESSAGE_LENGTH);
        }
        return dispatch(type, handler) || reader.sever(Kind.MESSAGE_FIELD);
    }

    private boolean dispatch(SupervisorEventType type, SupervisorEventHandler handler) {
        int first = message.getInt(FIRST);
        int second = message.getInt(SECOND);
        switch (type) {
            case READY -> {
                byte[] hash = new byte[READY_HASH_BYTES];
                message.getBytes(READY_HASH, hash);
                handler.ready(message.getLong(READY_NS), hash, message.getInt(READY_THREADS));
            }
            case ACK -> {
                @Nullable SupervisorRequestType request = SupervisorRequestType.of(first);
                if (request == null) {
                    return false;
                }
                handler.ack(request, second);
            }
            case LOG -> {
                if (!textFits(second)) {
                    return false;
                }
                handler.log(LogLevel.of(first), text(second));
            }
            case COUNTER -> handler.counter(first, message.getLong(WORD));
            case GUEST_STOPPED -> {
                @Nullable StopCause cause = StopCause.of(first);
                if (cause == null) {
                    return false;
                }
                handler.guestStopped(cause, second, message.getLong(WORD), message.getLong(WORD_2));
            }
            case DEVICE_HUNG -> handler.deviceHung(first, message.getLong(WORD));
            case PEER_VIOLATION -> {
                byte[] evidence = new byte[VIOLATION_EVIDENCE_BYTES];
                message.getBytes(VIOLATION_EVIDENCE, evidence);
                handler.peerViolation(first, new Violation(Kind.of(second), message.getLong(WORD), evidence));
            }
            case ESCAPE -> handler.escape(first, second);
            case FIRST_INSTRUCTION -> handler.firstInstruction(message.getLong(FIRST));
            case BACKEND_LOST -> handler.backendLost(first, second);
            case ENGINE -> {
                @Nullable EngineKind engine = EngineKind.of(first);
                if (engine == null || !textFits(second)) {
                    return false;
                }
                handler.engine(engine, text(second));
            }
            case DEVICE_STALL -> handler.deviceStall(first, second, message.getLong(WORD));
        }
        return true;
    }

    private boolean textFits(int lengthBytes) {
        return lengthBytes >= 0 && lengthBytes <= LOG_MAX_TEXT_BYTES && lengthBytes == reader.length() - LOG_TEXT;
    }

    /** One printable line, whatever the process sent: it may end up on the user's terminal. */
    private String text(int length) {
        byte[] bytes = new byte[length];
        message.getBytes(LOG_TEXT, bytes);
        return Visible.of(new String(bytes, StandardCharsets.UTF_8));
    }
}
