package io.jvmm.ipc.trace;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.agrona.DirectBuffer;

/** Several batches in one message, as {@link RingSink} has them. */
final class JoinedBatches implements BatchSink {
    private final List<byte[]> messages = new ArrayList<>();
    private final BooleanSupplier joins;
    private boolean continues;

    /** @param joins whether the next batch goes behind the one before */
    JoinedBatches(BooleanSupplier joins) {
        this.joins = joins;
    }

    @Override
    public boolean continues(int lengthBytes) {
        continues = !messages.isEmpty() && joins.getAsBoolean();
        return continues;
    }

    @Override
    public void publish(DirectBuffer batch, int lengthBytes) {
        byte[] before = continues ? messages.removeLast() : new byte[0];
        byte[] message = Arrays.copyOf(before, before.length + lengthBytes);
        batch.getBytes(0, message, before.length, lengthBytes);
        messages.add(message);
        continues = false;
    }

    List<byte[]> messages() {
        return messages;
    }
}
