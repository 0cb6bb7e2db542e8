package io.jvmm.ipc.message;

import io.jvmm.ipc.ring.GuardedProducer;

/** Writes the requests of a supervisor link. Any thread; nothing is allocated; the process is hostile. */
public final class SupervisorRequestProxy {
    private final GuardedProducer producer;

    public SupervisorRequestProxy(GuardedProducer producer) {
        this.producer = producer;
    }

    /** False when there is no room or the link is severed. */
    public boolean send(SupervisorRequestType type, long argument, long detail) {
        int index = producer.claim(type.number(), type.lengthBytes());
        if (index < 0) {
            return false;
        }
        producer.buffer().putLong(index + SupervisorRequestLayout.ARGUMENT, argument);
        producer.buffer().putLong(index + SupervisorRequestLayout.DETAIL, detail);
        return producer.commit(index);
    }
}
