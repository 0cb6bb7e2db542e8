package io.jvmm.ipc.message;

import static io.jvmm.ipc.message.SupervisorEventLayout.FIRST;
import static io.jvmm.ipc.message.SupervisorEventLayout.LOG_MAX_TEXT_BYTES;
import static io.jvmm.ipc.message.SupervisorEventLayout.LOG_TEXT;
import static io.jvmm.ipc.message.SupervisorEventLayout.READY_HASH;
import static io.jvmm.ipc.message.SupervisorEventLayout.READY_HASH_BYTES;
import static io.jvmm.ipc.message.SupervisorEventLayout.READY_NS;
import static io.jvmm.ipc.message.SupervisorEventLayout.READY_RESERVED;
import static io.jvmm.ipc.message.SupervisorEventLayout.READY_THREADS;
import static io.jvmm.ipc.message.SupervisorEventLayout.SECOND;
import static io.jvmm.ipc.message.SupervisorEventLayout.VIOLATION_EVIDENCE;
import static io.jvmm.ipc.message.SupervisorEventLayout.VIOLATION_EVIDENCE_BYTES;
import static io.jvmm.ipc.message.SupervisorEventLayout.WORD;
import static io.jvmm.ipc.message.SupervisorEventLayout.WORD_2;

import io.jvmm.ipc.ring.GuardedProducer;
import io.jvmm.ipc.ring.Violation;
import org.agrona.concurrent.AtomicBuffer;

/**
 * Writes the events of a supervisor link. Any thread; nothing is allocated. Every method is false when there is no room
 * or the link is severed; nothing was sent then.
 */
public final class SupervisorEventProxy {
    private final GuardedProducer producer;
    private final AtomicBuffer buffer;

    public SupervisorEventProxy(GuardedProducer producer) {
        this.producer = producer;
        this.buffer = producer.buffer();
    }

    /** {@code filterHash}: 32 bytes. */
    public boolean ready(long monotonicNs, byte[] filterHash, int threads) {
        if (filterHash.length != READY_HASH_BYTES) {
            throw new IllegalArgumentException("a SHA-256 hash is 32 bytes long, not " + filterHash.length);
        }
        int index = claim(SupervisorEventType.READY);
        if (index < 0) {
            return false;
        }
        buffer.putLong(index + READY_NS, monotonicNs);
        buffer.putBytes(index + READY_HASH, filterHash);
        buffer.putInt(index + READY_THREADS, threads);
        buffer.putInt(index + READY_RESERVED, 0);
        return producer.commit(index);
    }

    public boolean ack(SupervisorRequestType request, int status) {
        return send(SupervisorEventType.ACK, request.number(), status, 0, 0);
    }

    /**
     * Sends a log record.
     *
     * @param text holds UTF-8
     * @param lengthBytes at most {@link SupervisorEventLayout#LOG_MAX_TEXT_BYTES}
     */
    public boolean log(LogLevel level, byte[] text, int lengthBytes) {
        return text(SupervisorEventType.LOG, level.number(), text, lengthBytes);
    }

    /** Says what will run the guest's code, and why; the text is as in {@link #log}. */
    public boolean engine(EngineKind engine, byte[] text, int lengthBytes) {
        return text(SupervisorEventType.ENGINE, engine.number(), text, lengthBytes);
    }

    private boolean text(SupervisorEventType type, int first, byte[] text, int lengthBytes) {
        if (lengthBytes < 0 || lengthBytes > LOG_MAX_TEXT_BYTES) {
            throw new IllegalArgumentException("length of a text: " + lengthBytes);
        }
        int index = producer.claim(type.number(), LOG_TEXT + lengthBytes);
        if (index < 0) {
            return false;
        }
        buffer.putInt(index + FIRST, first);
        buffer.putInt(index + SECOND, lengthBytes);
        buffer.putBytes(index + LOG_TEXT, text, 0, lengthBytes);
        return producer.commit(index);
    }

    public boolean counter(int id, long value) {
        return send(SupervisorEventType.COUNTER, id, 0, value, 0);
    }

    public boolean guestStopped(StopCause cause, int vcpu, long rip, long detail) {
        return send(SupervisorEventType.GUEST_STOPPED, cause.number(), vcpu, rip, detail);
    }

    public boolean deviceHung(int deviceIndex, long waitedNs) {
        return send(SupervisorEventType.DEVICE_HUNG, deviceIndex, 0, waitedNs, 0);
    }

    /** Allocates: at most once a link. */
    public boolean peerViolation(int deviceIndex, Violation violation) {
        int index = claim(SupervisorEventType.PEER_VIOLATION);
        if (index < 0) {
            return false;
        }
        buffer.putInt(index + FIRST, deviceIndex);
        buffer.putInt(index + SECOND, violation.kind().number());
        buffer.putLong(index + WORD, violation.position());
        buffer.setMemory(index + VIOLATION_EVIDENCE, VIOLATION_EVIDENCE_BYTES, (byte) 0);
        buffer.putBytes(index + VIOLATION_EVIDENCE, violation.bytes());
        return producer.commit(index);
    }

    public boolean escape(int port, int what) {
        return send(SupervisorEventType.ESCAPE, port, what, 0, 0);
    }

    public boolean firstInstruction(long monotonicNs) {
        return send(SupervisorEventType.FIRST_INSTRUCTION, (int) monotonicNs, (int) (monotonicNs >>> 32), 0, 0);
    }

    public boolean backendLost(int port, int errno) {
        return send(SupervisorEventType.BACKEND_LOST, port, errno, 0, 0);
    }

    /** {@code messages}: how many had waited for the successor. */
    public boolean deviceStall(int deviceIndex, int messages, long stallNs) {
        return send(SupervisorEventType.DEVICE_STALL, deviceIndex, messages, stallNs, 0);
    }

    private int claim(SupervisorEventType type) {
        return producer.claim(type.number(), type.lengthBytes());
    }

    private boolean send(SupervisorEventType type, int first, int second, long word, long word2) {
        int index = claim(type);
        if (index < 0) {
            return false;
        }
        buffer.putInt(index + FIRST, first);
        buffer.putInt(index + SECOND, second);
        if (type.lengthBytes() > WORD) {
            buffer.putLong(index + WORD, word);
        }
        if (type.lengthBytes() > WORD_2) {
            buffer.putLong(index + WORD_2, word2);
        }
        return producer.commit(index);
    }
}
