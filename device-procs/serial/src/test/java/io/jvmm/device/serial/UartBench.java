package io.jvmm.device.serial;

import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceEffects;
import io.jvmm.device.api.HostStreams;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.agrona.concurrent.UnsafeBuffer;

/** One UART on a bench: virtual time, a host that takes what it is given unless told otherwise, interrupts counted. */
final class UartBench implements DeviceEffects {

    /** 8N1 at 115200 baud: 10 bits. */
    static final long CHARACTER_115200_NS = 10 * 1_000_000_000L / 115_200;

    UnsafeBuffer state;
    private final SerialConfig config;
    DeviceCore core;
    final StringBuilder host = new StringBuilder();
    final UnsafeBuffer scratch = new UnsafeBuffer(new byte[64]);
    long nowNs;
    int edges;
    boolean hostTakes = true;

    UartBench() {
        this(new SerialConfig.Port(HostStreams.Kind.NONE, false, false, false));
    }

    UartBench(SerialConfig.Port port) {
        state = new UnsafeBuffer(new byte[SerialStateLayout.LENGTH_BYTES]);
        config = new SerialConfig(List.of(port));
        core = new SerialCore(config, state, true, this, 0);
        core.resume(0);
    }

    /** The process dies at a message boundary; the next one adopts a copy of its state, and nothing else. */
    void killAndAdopt() {
        byte[] copy = state.byteArray().clone();
        state.setMemory(0, copy.length, (byte) 0xEE);
        state = new UnsafeBuffer(copy);
        core = new SerialCore(config, state, false, this, nowNs);
        core.resume(nowNs);
    }

    int in(int offset) {
        flush();
        return (int) core.read(0, offset, 1, nowNs);
    }

    void out(int offset, int value) {
        if (offset != 0) {
            flush();
        }
        core.write(0, offset, 1, value, nowNs);
    }

    /** What the device process does before it looks at another register. */
    void flush() {
        while (hostTakes) {
            int count = core.hostOutput(0, scratch, 0, 64);
            if (count == 0) {
                return;
            }
            for (int i = 0; i < count; i++) {
                host.append((char) (scratch.getByte(i) & 0xFF));
            }
            core.hostOutputDone(0, count, nowNs);
        }
    }

    /** The host sends; fails when the UART has no room, as the device process never does. */
    void receive(String text) {
        for (byte b : text.getBytes(StandardCharsets.ISO_8859_1)) {
            if (core.hostInputRoom(0) == 0) {
                throw new AssertionError("no room for input");
            }
            core.hostInput(0, b & 0xFF, nowNs);
        }
    }

    void advance(long durationNs) {
        long endNs = nowNs + durationNs;
        flush();
        while (core.nextDeadlineNs() <= endNs) {
            nowNs = Math.max(nowNs, core.nextDeadlineNs());
            core.timer(nowNs);
            flush();
        }
        nowNs = endNs;
    }

    /** 115200 8N1, FIFOs on with the trigger given (FCR bits 7 and 6), OUT2, DTR and RTS on. */
    UartBench configured(int trigger) {
        out(3, 0x80);
        out(0, 1);
        out(1, 0);
        out(3, 0x03);
        out(2, 0x07 | trigger);
        out(4, 0x0B);
        return this;
    }

    /** The same without FIFOs. */
    UartBench configured16450() {
        configured(0);
        out(2, 0);
        return this;
    }

    int takeEdges() {
        int count = edges;
        edges = 0;
        return count;
    }

    @Override
    public void interrupt(int line) {
        edges++;
    }

    @Override
    public void interruptLevel(int line, boolean asserted) {
        throw new AssertionError("the UART's line is an edge");
    }

    @Override
    public void guestError(int code, long detail) {}

    @Override
    public void power(PowerAction action, PowerOrigin origin) {
        throw new AssertionError();
    }
}
