package io.jvmm.policy.jail;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.SysException;
import java.io.IOException;
import java.io.Serial;
import java.nio.file.NoSuchFileException;

/**
 * A process could not be started as jailed as it must be, so it was not started. The message is one line: which step of the jail
 * of which process, the errno by name, the cure. An error of the host, never of the guest.
 */
public final class JailException extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1L;

    private final String step;
    private final int errno;
    private final String cure;

    JailException(String process, String step, int errno, String cure) {
        super(describe(
                process, step, Errno.of(errno).name() + " (" + Errno.of(errno).meaning() + ")", cure));
        this.step = step;
        this.errno = errno;
        this.cure = cure;
    }

    JailException(String process, String step, String reason, String cure) {
        super(describe(process, step, reason, cure));
        this.step = step;
        this.errno = 0;
        this.cure = cure;
    }

    JailException(String process, String step, SysException cause) {
        super(describe(process, step, String.valueOf(cause.getMessage()), ""), cause);
        this.step = step;
        this.errno = cause.number();
        this.cure = cause.cure();
    }

    JailException(String process, String step, IOException cause, String cure) {
        super(describe(process, step, reason(cause), cure), cause);
        this.step = step;
        this.errno = 0;
        this.cure = cure;
    }

    private static String reason(IOException e) {
        return e instanceof NoSuchFileException
                ? "there is no such file: the child has died"
                : String.valueOf(e.getMessage());
    }

    /** The step's name, one of {@link JailPlan}'s or of the supervisor's own preparations. */
    public String step() {
        return step;
    }

    /** The positive errno, 0 when the refusal is ours. */
    public int errno() {
        return errno;
    }

    /** What to do about it; empty where nothing useful is known. */
    public String cure() {
        return cure;
    }

    private static String describe(String process, String step, String reason, String cure) {
        return "jail of " + process + ", step \"" + step + "\": " + reason + (cure.isEmpty() ? "" : "; " + cure);
    }
}
