package io.jvmm.fuzz.passt;

import io.jvmm.device.net.PasstBed;
import io.jvmm.fuzz.machine.FindingException;
import java.util.Arrays;

/**
 * What passt has written, and the frames that the guest must get of it: each of them, in their order and byte for byte, up to a length that no frame has. A death loses
 * the frames whose lengths had been read, and no other. One thread.
 */
final class HostFrames {
    private static final int LENGTH = 4;
    private static final int EPROTO = 71;
    private static final int DATA_VALID = 2;

    private final byte[] stream;
    private int written;
    /** Where the next frame begins that the guest has not got. */
    private int next;
    /** A death has taken with it that there was nonsense: nobody knows any more where frames begin. */
    private boolean lost;

    private int deaths;

    /** @param most bytes that can be written in a case */
    HostFrames(int most) {
        stream = new byte[most];
    }

    void clear() {
        written = 0;
        next = 0;
        lost = false;
        deaths = 0;
    }

    int room() {
        return stream.length - written;
    }

    /** The socket has taken bytes. */
    void wrote(byte[] bytes, int from, int count) {
        System.arraycopy(bytes, from, stream, written, count);
        written += count;
    }

    /** @param unread bytes of the stream that are still in the socket */
    void died(int unread) {
        deaths++;
        next = boundary(written - unread);
        lost |= nonsense(next) && next + LENGTH <= written - unread;
    }

    int deaths() {
        return deaths;
    }

    /** Where the first frame begins whose length, or what no frame has, does not lie in front of a place. */
    private int boundary(int place) {
        int at = next;
        while (at + LENGTH <= place && !nonsense(at)) {
            at += LENGTH + Packets.u32(stream, at);
        }
        return at;
    }

    private boolean hasLength(int at) {
        return written - at >= LENGTH;
    }

    private boolean nonsense(int at) {
        return hasLength(at) && !isLength(Packets.u32(stream, at));
    }

    private static boolean isLength(int bytes) {
        return bytes >= PasstBed.SHORTEST_FRAME && bytes <= PasstBed.LONGEST_FRAME;
    }

    private boolean whole(int at) {
        return hasLength(at) && !nonsense(at) && written - at - LENGTH >= Packets.u32(stream, at);
    }

    /** The port says that there is nothing. */
    void nothing() {
        if (deaths == 0 && (whole(next) || nonsense(next))) {
            throw new FindingException(
                    "the port sees nothing, and a frame is there, " + next + " bytes from the beginning");
        }
    }

    /** Nothing comes any more, however often it is asked. */
    void ended() {
        if (!lost && whole(next)) {
            throw new FindingException("a frame that came after the last death never comes to the guest");
        }
    }

    void gone(int errno) {
        if (errno != EPROTO || !(lost || nonsense(boundary(written)))) {
            throw new FindingException("the stream is gone with error " + errno + ", and every length was one");
        }
    }

    /**
     * The guest gets a frame.
     *
     * @param received with its header
     * @param takes whether it is to be taken
     */
    void received(byte[] received, boolean checks, boolean takes) {
        byte[] frame = Arrays.copyOfRange(received, PasstBed.HEADER_BYTES, received.length);
        checkHeader(received, frame, checks);
        if (!isLength(frame.length)) {
            throw new FindingException("the guest gets a frame of " + frame.length + " bytes");
        }
        if (lost) {
            return;
        }
        if (!whole(next)) {
            throw new FindingException("the guest gets a frame of " + frame.length + " bytes that passt did not send");
        }
        int length = Packets.u32(stream, next);
        int from = next + LENGTH;
        int same = Arrays.mismatch(stream, from, from + length, frame, 0, frame.length);
        if (same >= 0) {
            throw new FindingException("the guest gets " + frame.length + " bytes for the frame of " + length
                    + ", wrong from byte " + same + " on");
        }
        next = takes ? from + length : next;
    }

    private static void checkHeader(byte[] received, byte[] frame, boolean checks) {
        boolean valid = (received[0] & DATA_VALID) != 0;
        if (valid != (checks && Packets.isWhole(frame))) {
            throw new FindingException("the checksum of a frame of " + frame.length + " bytes is told to be "
                    + (valid ? "right" : "unknown"));
        }
        for (int i = 0; i < PasstBed.HEADER_BYTES; i++) {
            if ((received[i] & ~(i == 0 ? DATA_VALID : 0)) != 0) {
                throw new FindingException("byte " + i + " of the header for the guest is " + received[i]);
            }
        }
    }
}
