package io.jvmm.ipc.boot;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.UnixSocket;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * The control socket between the supervisor and a process: carries boot records, one after the other. The process keeps
 * its end open for its whole life; end of file there means that the supervisor has died. One thread.
 */
public final class BootChannel implements AutoCloseable {
    /** Of what cannot be understood, so many bytes are shown. */
    private static final int SHOWN_BYTES = 32;

    private final UnixSocket socket;

    private BootChannel(UnixSocket socket) {
        this.socket = socket;
    }

    /** Takes ownership of a SEQPACKET socket. */
    public static BootChannel over(Fd socket) {
        return new BootChannel(UnixSocket.of(socket));
    }

    /** Sends a record, however long that takes; its descriptors stay the caller's and open. */
    public void send(BootRecord record) {
        send(record, "the other end of the control socket", Poller.FOREVER);
    }

    /**
     * Sends a record to a process that perhaps never reads; its descriptors stay the caller's and open.
     *
     * @param peer the process, for the message of an error
     * @param timeoutNs nanoseconds for all of it; {@link Poller#FOREVER} for no limit
     * @throws io.jvmm.ipc.sys.SysException.TimedOut when the process did not make room in time; it may have part of the record
     * @throws io.jvmm.ipc.sys.SysException.Disconnected when the process has gone
     */
    public void send(BootRecord record, String peer, long timeoutNs) {
        long startNs = Clock.monotonicNs();
        for (BootRecordEncoder.Datagram datagram : BootRecordEncoder.encode(record)) {
            socket.send(datagram.bytes(), datagram.fds(), peer, left(timeoutNs, startNs));
        }
    }

    /**
     * Waits for a record. Its descriptors belong to the caller; when this throws, what had arrived is closed.
     *
     * @param timeoutNs nanoseconds for all of it; {@link Poller#FOREVER} for no limit
     * @throws io.jvmm.ipc.sys.SysException.TimedOut when it did not arrive in time
     * @throws BootFormatException when it is not well-formed, or the other end closed
     */
    public BootRecord receive(long timeoutNs) {
        long startNs = Clock.monotonicNs();
        List<Fd> received = new ArrayList<>();
        BootRecordDecoder decoder = new BootRecordDecoder();
        try {
            while (true) {
                UnixSocket.Received datagram =
                        socket.receive(BootRecordLayout.MAX_DATAGRAM_BYTES, left(timeoutNs, startNs));
                received.addAll(datagram.fds());
                if (datagram.endOfFile()) {
                    throw BootFormatException.end("the other end of the control socket closed before a whole record");
                }
                if (!add(decoder, datagram)) {
                    return decoder.record();
                }
            }
        } catch (RuntimeException e) {
            received.forEach(Fd::close);
            throw e;
        }
    }

    /** What cannot be understood is reported with its first bytes. */
    private static boolean add(BootRecordDecoder decoder, UnixSocket.Received datagram) {
        try {
            return decoder.add(datagram.bytes(), datagram.fds());
        } catch (BootFormatException e) {
            byte[] bytes = datagram.bytes();
            String shown = HexFormat.ofDelimiter(" ").formatHex(bytes, 0, Math.min(bytes.length, SHOWN_BYTES));
            throw new BootFormatException(e.getMessage() + "; it begins " + shown, e);
        }
    }

    private static long left(long timeoutNs, long startNs) {
        return timeoutNs == Poller.FOREVER ? Poller.FOREVER : Math.max(timeoutNs - (Clock.monotonicNs() - startNs), 0);
    }

    /** The socket; this object owns it. */
    public Fd fd() {
        return socket.fd();
    }

    @Override
    public void close() {
        socket.close();
    }
}
