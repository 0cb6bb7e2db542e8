package io.jvmm.ipc.message;

import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.ring.Violation.Kind;
import org.jspecify.annotations.Nullable;

/** Reads and validates the requests of a supervisor link. One thread; nothing is allocated. */
public final class SupervisorRequestAdapter {
    private final HardenedReader reader;
    private SupervisorRequestType type = SupervisorRequestType.STOP;

    public SupervisorRequestAdapter(HardenedReader reader) {
        this.reader = reader;
    }

    /** Makes the next request current; false when there is none or the link is severed. */
    public boolean next() {
        if (!reader.next()) {
            return false;
        }
        @Nullable SupervisorRequestType found = SupervisorRequestType.of(reader.type());
        if (found == null) {
            return reader.sever(Kind.UNKNOWN_MESSAGE);
        }
        if (reader.length() != found.lengthBytes()) {
            return reader.sever(Kind.MESSAGE_LENGTH);
        }
        type = found;
        return true;
    }

    public SupervisorRequestType type() {
        return type;
    }

    public long argument() {
        return reader.message().getLong(SupervisorRequestLayout.ARGUMENT);
    }

    public long detail() {
        return reader.message().getLong(SupervisorRequestLayout.DETAIL);
    }
}
