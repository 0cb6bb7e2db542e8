package io.jvmm.vcpu.board.pci;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.vcpu.engine.Engine;
import io.jvmm.vcpu.engine.MessageInterrupt;
import io.jvmm.vcpu.engine.Vcpu;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** An engine that takes down what is asked of its interrupts. */
public final class FakeEngine implements Engine {
    /** What was done with each message, in the order of attaching. */
    final List<Message> messages = new ArrayList<>();

    /** The line and the resample eventfd of each pin. */
    final Map<Integer, Pin> pins = new TreeMap<>();

    /** What it has been told last. */
    long lockedPages;

    /** One pin's descriptors, ours. */
    record Pin(EventFd line, EventFd ended) {}

    /** A message that remembers what was done with it: the last thing, and how often something was. */
    static final class Message implements MessageInterrupt {
        boolean masked = true;
        long address;
        int data;
        int changes;

        @Override
        public void unmask(long newAddress, int newData) {
            masked = false;
            address = newAddress;
            data = newData;
            changes++;
        }

        @Override
        public void mask() {
            masked = true;
            changes++;
        }

        @Override
        public String toString() {
            return masked ? "masked" : Long.toHexString(address) + " " + Integer.toHexString(data);
        }
    }

    @Override
    public String name() {
        return "fake";
    }

    @Override
    public int physicalAddressBits() {
        return 40;
    }

    @Override
    public void mapMemory(int slot, long address, long lengthBytes, MemorySegment host, boolean readOnly) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void lockRomArea(long pages) {
        lockedPages = pages;
    }

    @Override
    public Vcpu createVcpu(int index) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void attachInterrupt(int gsi, Fd eventFd, @Nullable Fd resampleFd) {
        if (resampleFd == null || pins.containsKey(gsi)) {
            throw new AssertionError("pin " + gsi);
        }
        pins.put(gsi, new Pin(EventFd.of(eventFd), EventFd.of(resampleFd)));
    }

    @Override
    public MessageInterrupt attachMessage(Fd eventFd) {
        final Message message = new Message();
        messages.add(message);
        return message;
    }

    @Override
    public void attachDoorbell(long address, int widthBytes, boolean pio, long match, Fd eventFd) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void attachDoorbell(long address, int widthBytes, boolean pio, Fd eventFd) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void prepare() {
        // nothing to do
    }

    @Override
    public void close() {
        // nothing to give back
    }
}
