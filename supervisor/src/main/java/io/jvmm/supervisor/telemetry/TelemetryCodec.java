package io.jvmm.supervisor.telemetry;

import io.jvmm.ipc.message.LogLevel;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Telemetry as bytes, PROTOCOL.md "Telemetry bus". Numbers are little-endian, nothing is aligned, a text is a u16 length and UTF-8.
 *
 * <pre>
 *   0          2        4     8              16          24
 *   | u16 1    | u16 type | (0) | i64 sequence | i64 ms    | fields |
 *
 *   1 EVENT    u16 kind, u16 level, u32 pid, i64 duration, text process, text
 *   2 LOG      u16 level, text process, text
 *   3 TRACE    u32 type, u32 region, i64 detail, i64 duration, i64 lost, text process
 *   4 MACHINE  u32 vcpus, u32 rows, i64 memory, i64 uptime, text name, text phase, text engine
 *   5 PROCESS  u32 pid, u32 threads, i64 restarts, i64 cpu, i64 pss, i64 messages, twice | i64 count, i64 p50, i64 p99 |,
 *              u32 implausible, u16 kind, u16 counters, so many | u16 number, i64 value |, text name, text class, text state
 * </pre>
 *
 * <p>One thread each.
 */
public final class TelemetryCodec {
    /** The longest record. */
    public static final int MOST_BYTES = 4096;

    /** Of what this program writes and reads. */
    public static final int VERSION = 1;

    private static final int SEQUENCE = 8;
    private static final int HEADER_BYTES = 24;
    private static final int EVENT = 1;
    private static final int LOG = 2;
    private static final int TRACE = 3;
    private static final int MACHINE = 4;
    private static final int PROCESS = 5;
    private static final int LONGEST_TEXT = 1024;
    private static final int LONGEST_NAME = 128;
    private static final int MOST_COUNTERS = 128;

    private final UnsafeBuffer out = new UnsafeBuffer(new byte[MOST_BYTES]);
    private int at;
    private DirectBuffer in = out;
    private int end;

    /** Writes one; it is in {@link #buffer} until the next. */
    public int encode(Telemetry.Envelope e) {
        at = 0;
        u16(VERSION);
        u16(
                switch (e.body()) {
                    case Telemetry.Event _ -> EVENT;
                    case Telemetry.Log _ -> LOG;
                    case Telemetry.Trace _ -> TRACE;
                    case Telemetry.Machine _ -> MACHINE;
                    case Telemetry.Row _ -> PROCESS;
                });
        u32(0);
        i64(e.sequence());
        i64(e.timeMs());
        switch (e.body()) {
            case Telemetry.Event b -> {
                u16(b.kind().number());
                u16(b.level().number());
                u32(b.pid());
                i64(b.durationNs());
                text(b.process(), LONGEST_NAME);
                text(b.text(), LONGEST_TEXT);
            }
            case Telemetry.Log b -> {
                u16(b.level().number());
                text(b.process(), LONGEST_NAME);
                text(b.text(), LONGEST_TEXT);
            }
            case Telemetry.Trace b -> {
                u32(b.type());
                u32(b.region());
                i64(b.detail());
                i64(b.durationNs());
                i64(b.lost());
                text(b.process(), LONGEST_NAME);
            }
            case Telemetry.Machine b -> {
                u32(b.vcpus());
                u32(b.rows());
                i64(b.memoryBytes());
                i64(b.uptimeMs());
                text(b.name(), LONGEST_NAME);
                text(b.phase(), LONGEST_NAME);
                text(b.engine(), LONGEST_NAME);
            }
            case Telemetry.Row b -> process(b);
        }
        return at;
    }

    private void process(Telemetry.Row b) {
        u32(b.pid());
        u32((int) b.usage().threads());
        i64(b.restarts());
        i64(b.usage().cpuNs());
        i64(b.usage().pssBytes());
        i64(b.messages());
        latency(b.requests());
        latency(b.reads());
        u32(b.implausible());
        u16(b.kind().number());
        List<Telemetry.Count> counts =
                b.counts().subList(0, Math.min(MOST_COUNTERS, b.counts().size()));
        u16(counts.size());
        for (Telemetry.Count c : counts) {
            u16(c.number());
            i64(c.value());
        }
        text(b.name(), LONGEST_NAME);
        text(b.deviceClass(), LONGEST_NAME);
        text(b.state(), LONGEST_NAME);
    }

    /** What {@link #encode} wrote. */
    public DirectBuffer buffer() {
        return out;
    }

    /** The version of a record, which another program may have written; -1 where there is none. */
    public static int version(DirectBuffer buffer, int offset, int length) {
        return length < HEADER_BYTES ? -1 : buffer.getShort(offset, ByteOrder.LITTLE_ENDIAN) & 0xFFFF;
    }

    /** The sequence number of a record of {@link #VERSION}, whatever its type. */
    public static long sequence(DirectBuffer buffer, int offset) {
        return buffer.getLong(offset + SEQUENCE, ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Reads one.
     *
     * @throws IllegalArgumentException when it is none, or of another version
     */
    public Telemetry.Envelope decode(DirectBuffer buffer, int offset, int length) {
        in = buffer;
        at = offset;
        end = offset + length;
        int version = u16();
        int type = u16();
        if (version != VERSION) {
            throw new IllegalArgumentException(
                    "a record of version " + version + ", and this program knows " + VERSION);
        }
        u32();
        long sequence = i64();
        long timeMs = i64();
        Telemetry body = switch (type) {
            case EVENT -> event();
            case LOG -> {
                LogLevel level = LogLevel.of(u16());
                String process = text();
                yield new Telemetry.Log(level, process, text());
            }
            case TRACE -> trace();
            case MACHINE -> machine();
            case PROCESS -> process();
            default -> throw new IllegalArgumentException("a record of type " + type);
        };
        return new Telemetry.Envelope(sequence, timeMs, body);
    }

    private Telemetry.Event event() {
        Telemetry.Kind kind = Telemetry.Kind.of(u16());
        LogLevel level = LogLevel.of(u16());
        int pid = u32();
        long duration = i64();
        String process = text();
        return new Telemetry.Event(kind, level, process, pid, duration, text());
    }

    private Telemetry.Trace trace() {
        int type = u32();
        int region = u32();
        long detail = i64();
        long duration = i64();
        long lost = i64();
        return new Telemetry.Trace(text(), lost, type, region, detail, duration);
    }

    private Telemetry.Machine machine() {
        int vcpus = u32();
        int rows = u32();
        long memory = i64();
        long uptime = i64();
        String name = text();
        String phase = text();
        return new Telemetry.Machine(name, phase, text(), vcpus, memory, uptime, rows);
    }

    private Telemetry.Row process() {
        int pid = u32();
        int threads = u32();
        long restarts = i64();
        long cpu = i64();
        long pss = i64();
        long messages = i64();
        Telemetry.Latency requests = latency();
        Telemetry.Latency reads = latency();
        int implausible = u32();
        Telemetry.Counters kind = Telemetry.Counters.of(u16());
        int count = u16();
        if (count > MOST_COUNTERS) {
            throw new IllegalArgumentException(count + " counters");
        }
        List<Telemetry.Count> counts = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int number = u16();
            counts.add(new Telemetry.Count(number, i64()));
        }
        String name = text();
        String deviceClass = text();
        return new Telemetry.Row(
                name,
                deviceClass,
                text(),
                pid,
                restarts,
                new Telemetry.Usage(cpu, pss, threads),
                messages,
                requests,
                reads,
                implausible,
                kind,
                counts);
    }

    private void latency(Telemetry.Latency l) {
        i64(l.count());
        i64(l.p50Ns());
        i64(l.p99Ns());
    }

    private Telemetry.Latency latency() {
        long count = i64();
        long p50 = i64();
        return new Telemetry.Latency(count, p50, i64());
    }

    private void u16(int value) {
        out.putShort(at, (short) value, ByteOrder.LITTLE_ENDIAN);
        at += Short.BYTES;
    }

    private void u32(int value) {
        out.putInt(at, value, ByteOrder.LITTLE_ENDIAN);
        at += Integer.BYTES;
    }

    private void i64(long value) {
        out.putLong(at, value, ByteOrder.LITTLE_ENDIAN);
        at += Long.BYTES;
    }

    private void text(String value, int mostBytes) {
        byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
        int length = Math.min(bytes.length, mostBytes);
        while (length < bytes.length && (bytes[length] & 0xC0) == 0x80) {
            length--; // not in the middle of a character
        }
        u16(length);
        out.putBytes(at, bytes, 0, length);
        at += length;
    }

    private int take(int bytes) {
        if (bytes > end - at) {
            throw new IllegalArgumentException("a record that ends too early");
        }
        at += bytes;
        return at - bytes;
    }

    private int u16() {
        return in.getShort(take(Short.BYTES), ByteOrder.LITTLE_ENDIAN) & 0xFFFF;
    }

    private int u32() {
        return in.getInt(take(Integer.BYTES), ByteOrder.LITTLE_ENDIAN);
    }

    private long i64() {
        return in.getLong(take(Long.BYTES), ByteOrder.LITTLE_ENDIAN);
    }

    private String text() {
        int length = u16();
        byte[] bytes = new byte[length];
        in.getBytes(take(length), bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
