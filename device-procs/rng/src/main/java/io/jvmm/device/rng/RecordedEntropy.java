package io.jvmm.device.rng;

import io.jvmm.device.api.trace.DeviceCall;
import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.trace.Tape;
import org.agrona.DirectBuffer;

/** The kernel's random numbers on a tape: how many came, not which. The device does not look at them, and the guest's are nobody's business. Device thread. */
final class RecordedEntropy implements EntropySource {

    /** OUTPUT offset, length; ANSWER as {@link EntropySource#fill}. */
    static final int FILL = DeviceCall.FIRST_OF_DEVICE;

    /** Nothing calls the device by itself. */
    static final HostCalls NAMES = new HostCalls() {
        @Override
        public boolean call(int method, long a, long b, long c, long nowNs, DirectBuffer bytes, int lengthBytes) {
            return false;
        }

        @Override
        public String nameOf(int method) {
            return method == FILL ? "FILL" : DeviceCall.nameOf(method);
        }
    };

    private final Tape tape;
    private final EntropySource source;

    RecordedEntropy(Tape tape, EntropySource source) {
        this.tape = tape;
        this.source = source;
    }

    @Override
    public long fill(GuestMemory memory, long offset, int lengthBytes) {
        tape.output(FILL, offset, lengthBytes, 0);
        return tape.answer(FILL, tape.live() ? source.fill(memory, offset, lengthBytes) : 0);
    }
}
