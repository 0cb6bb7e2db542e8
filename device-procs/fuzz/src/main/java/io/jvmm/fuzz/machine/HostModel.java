package io.jvmm.fuzz.machine;

import io.jvmm.ipc.trace.RecordType;
import org.agrona.MutableDirectBuffer;

/**
 * The host of one device in a fuzz machine, at the boundary that recorder and replayer use: it gives the answers that a tape would give, and makes the calls that
 * the host's side makes. What it answers is what a host could, as an input has chosen ({@link Answers}). One thread; no method allocates.
 */
public abstract class HostModel {

    /** A host of whom nothing is asked but what a lone number can answer. */
    public static final class Plain extends HostModel {}

    private final Answers answers = new Answers();

    /** Makes calls of the host's side at the device. */
    public interface Calls {
        /** A call by its number in the module's enum; an unknown one is the harness's mistake. */
        void call(int method, long a, long b, long c);
    }

    /** Where a model says which operations have it do what a recorded host did. */
    public interface Script {
        /** The next answer that is chosen, 0..255. */
        void answer(int value);

        /** Something happens. */
        void event(int what, int which);
    }

    /** What an input has chosen. */
    protected final Answers answers() {
        return answers;
    }

    Answers chosen() {
        return answers;
    }

    /** The process before the next one is dead, and what it shared with its host is still there to be looked at. */
    protected void end() {}

    /**
     * A process begins: whatever the host held for the one before is gone, but for what the supervisor keeps.
     *
     * @param fresh whether it has no predecessor
     */
    protected void begin(boolean fresh) {}

    /** The device was made, and not resumed yet: it is joined to its host. */
    protected void join(Calls calls) {}

    /** Something happens, as the input says. */
    protected void event(int what, int which, Calls calls) {}

    /** A turn of the back ends. */
    protected void service(Calls calls) {}

    /** The host does all that is asked of it, at once and well. */
    protected void behave(Calls calls) {}

    /** The device does something to the host, or says what it is about to ask. */
    protected void output(int method, long a, long b, long c) {}

    /** What the device gets for an answer. */
    protected long answer(int method) {
        return answers.next();
    }

    /** The same, bytes. */
    protected void answerBytes(int method, MutableDirectBuffer bytes, int offset, int lengthBytes) {
        for (int i = 0; i < lengthBytes; i++) {
            bytes.putByte(offset + i, (byte) answers.next());
        }
    }

    // ---- recorded lives

    /**
     * Of a recorded life: a call of the host's side, an answer ({@code a}), or what the device says.
     *
     * @param type CALL, ANSWER or OUTPUT
     */
    protected void recall(RecordType type, int method, long a, long b, long c, Script script) {}

    /** The same, bytes that the host has answered. */
    protected void recallBytes(int method, byte[] bytes, Script script) {}
}
