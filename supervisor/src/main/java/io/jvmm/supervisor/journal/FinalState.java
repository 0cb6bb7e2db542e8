package io.jvmm.supervisor.journal;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32C;
import org.agrona.DirectBuffer;

/**
 * What a process has left in its device's state segment, as the supervisor read it there once the process was dead: independent of what the
 * process recorded, so that a replay can be held against it.
 *
 * @param transaction number of the last commit
 * @param hash CRC-32C of the state
 */
public record FinalState(long transaction, int hash) {
    private static final Pattern TEXT = Pattern.compile("crc32c:([0-9a-f]{8}) behind ([0-9]{1,18})");

    /** Of a committed state. */
    public static FinalState of(long transaction, DirectBuffer state) {
        byte[] bytes = new byte[state.capacity()];
        state.getBytes(0, bytes);
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return new FinalState(transaction, (int) crc.getValue());
    }

    /** What {@link #toString} wrote; empty for anything else. */
    public static Optional<FinalState> parse(String text) {
        Matcher m = TEXT.matcher(text);
        return m.matches()
                ? Optional.of(new FinalState(Long.parseLong(m.group(2)), Integer.parseUnsignedInt(m.group(1), 16)))
                : Optional.empty();
    }

    /** {@code crc32c:0012abcd behind 4711}. */
    @Override
    public String toString() {
        return String.format("crc32c:%08x behind %d", hash, transaction);
    }
}
