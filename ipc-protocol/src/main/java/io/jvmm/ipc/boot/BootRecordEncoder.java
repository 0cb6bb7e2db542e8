package io.jvmm.ipc.boot;

import io.jvmm.ipc.sys.Fd;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Turns a record into datagrams: as few as the limits of one datagram allow. */
final class BootRecordEncoder {
    private final List<Datagram> datagrams = new ArrayList<>();
    private final List<Fd> fds = new ArrayList<>();
    private final List<byte[]> names = new ArrayList<>();
    private final List<byte[]> entries = new ArrayList<>();
    private int lengthBytes = BootRecordLayout.HEADER_BYTES;

    /** One datagram and the descriptors that go with it. */
    static final class Datagram {
        private final byte[] bytes;
        private final List<Fd> fds;

        private Datagram(byte[] bytes, List<Fd> fds) {
            this.bytes = bytes;
            this.fds = fds;
        }

        byte[] bytes() {
            return bytes;
        }

        List<Fd> fds() {
            return fds;
        }
    }

    static List<Datagram> encode(BootRecord record) {
        BootRecordEncoder encoder = new BootRecordEncoder();
        record.fds().forEach(encoder::add);
        record.entries().forEach(encoder::add);
        encoder.flush(false);
        if (encoder.datagrams.size() > BootRecordLayout.MAX_DATAGRAMS) {
            throw new IllegalArgumentException("boot record of " + encoder.datagrams.size() + " datagrams, at most "
                    + BootRecordLayout.MAX_DATAGRAMS);
        }
        return encoder.datagrams;
    }

    private void add(String name, Fd fd) {
        byte[] encoded = name.getBytes(StandardCharsets.UTF_8);
        if (encoded.length == 0 || encoded.length > BootRecordLayout.MAX_NAME_BYTES) {
            throw new IllegalArgumentException("name of a descriptor in a boot record: \"" + name + "\"");
        }
        byte[] item = ByteBuffer.allocate(1 + encoded.length)
                .put((byte) encoded.length)
                .put(encoded)
                .array();
        if (fds.size() == BootRecordLayout.MAX_FDS) {
            flush(true);
        }
        makeRoom(item.length);
        names.add(item);
        fds.add(fd);
    }

    private void add(String key, byte[] value) {
        byte[] encoded = key.getBytes(StandardCharsets.UTF_8);
        long itemLength = 2L + encoded.length + 4L + value.length;
        if (encoded.length == 0
                || encoded.length > BootRecordLayout.MAX_KEY_BYTES
                || itemLength > BootRecordLayout.MAX_DATAGRAM_BYTES - BootRecordLayout.HEADER_BYTES) {
            throw new IllegalArgumentException(
                    "entry of a boot record: key \"" + key + "\", value of " + value.length + " bytes");
        }
        byte[] item = ByteBuffer.allocate((int) itemLength)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putShort((short) encoded.length)
                .put(encoded)
                .putInt(value.length)
                .put(value)
                .array();
        makeRoom(item.length);
        entries.add(item);
    }

    private void makeRoom(int itemLength) {
        if (lengthBytes + itemLength > BootRecordLayout.MAX_DATAGRAM_BYTES) {
            flush(true);
        }
        lengthBytes += itemLength;
    }

    private void flush(boolean more) {
        int total = BootRecordLayout.HEADER_BYTES;
        for (byte[] item : names) {
            total += item.length;
        }
        for (byte[] item : entries) {
            total += item.length;
        }
        ByteBuffer out = ByteBuffer.allocate(total)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(BootRecordLayout.MAGIC)
                .putShort((short) BootRecordLayout.VERSION)
                .putShort((short) fds.size())
                .putShort((short) entries.size())
                .putShort((short) (more ? BootRecordLayout.FLAG_MORE : 0));
        names.forEach(out::put);
        entries.forEach(out::put);
        datagrams.add(new Datagram(out.array(), List.copyOf(fds)));
        fds.clear();
        names.clear();
        entries.clear();
        lengthBytes = BootRecordLayout.HEADER_BYTES;
    }
}
