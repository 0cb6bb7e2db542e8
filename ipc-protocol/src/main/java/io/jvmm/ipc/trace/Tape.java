package io.jvmm.ipc.trace;

import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * What the adapters around a device's core write to, or read from: {@link RecordingTape} takes down, {@link ReplayTape} gives again and
 * compares. A device that is neither recorded nor replayed has no tape at all.
 *
 * <p><b>Thread:</b> the device thread. <b>Allocation:</b> none while recording. <b>Errors:</b> recording never fails. A replay ends with
 * {@link ReplayStop} at the first difference, out of any method; nobody but the replayer catches it.
 *
 * <p>{@code method} is 1..63 for the runtime's ({@code io.jvmm.device.api.trace.DeviceCall}) and 64..65535 for the device's own; what
 * {@code a}, {@code b} and {@code c} are is told beside the method's name. Bytes of one call, answer or output are at most
 * {@link TraceLayout#MAX_TOTAL_BYTES}.
 */
public interface Tape {

    /** False in a replay: there is no host; do not call it. */
    boolean live();

    /** The runtime, or the host's side, is about to call the core: an input. In a replay the tape makes the calls, and this compares. */
    void call(int method, long a, long b, long c, long nowNs);

    /** Bytes that belong to the call just told. */
    void callBytes(DirectBuffer bytes, int offset, int lengthBytes);

    /** Recording, writes {@code value} and gives it back; in a replay, gives what was recorded. */
    long answer(int method, long value);

    /** Recording, writes the bytes; in a replay, fills the range with what was recorded. The length has to be a result of what was recorded before. */
    void answerBytes(int method, MutableDirectBuffer bytes, int offset, int lengthBytes);

    /** An effect, a call of the host, a value returned: recording, writes; in a replay, compares. */
    void output(int method, long a, long b, long c);

    /** The same with bytes. */
    void outputBytes(int method, DirectBuffer bytes, int offset, int lengthBytes);

    /** The end of a transaction, before its state is committed. */
    void commit();
}
