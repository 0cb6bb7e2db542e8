package io.jvmm.fuzz.parser;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.vcpu.engine.Engine;
import io.jvmm.vcpu.engine.MessageInterrupt;
import io.jvmm.vcpu.engine.Vcpu;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** An engine that takes what a bus asks of it, and runs nothing. */
final class SilentEngine implements Engine {

    private static final MessageInterrupt NOBODY = new MessageInterrupt() {
        @Override
        public void unmask(long address, int data) {
            // nobody is interrupted
        }

        @Override
        public void mask() {
            // nobody was
        }
    };

    @Override
    public String name() {
        return "silent";
    }

    @Override
    public int physicalAddressBits() {
        return 40;
    }

    @Override
    public void mapMemory(int slot, long address, long lengthBytes, MemorySegment host, boolean readOnly) {
        throw new UnsupportedOperationException("a bus maps nothing");
    }

    @Override
    public void lockRomArea(long pages) {
        // there is no ROM
    }

    @Override
    public Vcpu createVcpu(int index) {
        throw new UnsupportedOperationException("a bus has no vCPU");
    }

    @Override
    public void attachInterrupt(int gsi, Fd eventFd, @Nullable Fd resampleFd) {
        // nobody signals
    }

    @Override
    public MessageInterrupt attachMessage(Fd eventFd) {
        return NOBODY;
    }

    @Override
    public void attachDoorbell(long address, int widthBytes, boolean pio, long match, Fd eventFd) {
        throw new UnsupportedOperationException("a bus has no doorbell");
    }

    @Override
    public void attachDoorbell(long address, int widthBytes, boolean pio, Fd eventFd) {
        throw new UnsupportedOperationException("a bus has no doorbell");
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
