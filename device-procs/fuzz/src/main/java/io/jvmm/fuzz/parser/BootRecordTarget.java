package io.jvmm.fuzz.parser;

import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.fuzz.machine.FindingException;
import io.jvmm.ipc.boot.BootChannel;
import io.jvmm.ipc.boot.BootFormatException;
import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.UnixSocket;
import java.util.ArrayList;
import java.util.List;

/** The record a process starts from, as datagrams on a real socket: the input is cut at bytes ff fe. */
public final class BootRecordTarget implements FuzzTarget {
    private static final int MOST_DATAGRAMS = 20;
    private static final long TIMEOUT_NS = 1_000_000_000;

    @Override
    public void run(byte[] input) {
        try (UnixSocket.Pair pair = UnixSocket.seqPacketPair()) {
            for (byte[] datagram : cut(input)) {
                pair.left().send(datagram);
            }
            pair.left().close();
            Fd end = pair.right().fd().duplicate();
            try (BootChannel channel = BootChannel.over(end)) {
                read(channel.receive(TIMEOUT_NS));
            }
        } catch (BootFormatException | SysException e) {
            // what a process ends with: BOOT_FAILED
        }
    }

    private static void read(BootRecord record) {
        for (String key : record.keys()) {
            if (record.findBytes(key).isEmpty()) {
                throw new FindingException("a key without a value: " + key);
            }
            try {
                record.findText(key);
                record.longInteger(key);
            } catch (BootFormatException | IllegalArgumentException e) {
                // no text, or no number
            }
        }
    }

    private static List<byte[]> cut(byte[] input) {
        List<byte[]> datagrams = new ArrayList<>();
        int from = 0;
        for (int i = 0; i + 1 < input.length && datagrams.size() < MOST_DATAGRAMS; i++) {
            if (input[i] == -1 && input[i + 1] == -2) {
                datagrams.add(java.util.Arrays.copyOfRange(input, from, i));
                from = i + 2;
            }
        }
        datagrams.add(java.util.Arrays.copyOfRange(input, from, input.length));
        datagrams.removeIf(datagram -> datagram.length == 0);
        return datagrams;
    }

    @Override
    public List<byte[]> seeds() {
        try (UnixSocket.Pair pair = UnixSocket.seqPacketPair();
                BootChannel channel = BootChannel.over(pair.left().fd().duplicate())) {
            channel.send(BootRecord.builder()
                    .put("device.index", 1)
                    .put("name", "serial")
                    .put("memory.bytes", 1L << 30)
                    .put("bytes", new byte[] {1, 2, 3})
                    .build());
            return List.of(pair.right().receive(1 << 16).bytes());
        }
    }
}
