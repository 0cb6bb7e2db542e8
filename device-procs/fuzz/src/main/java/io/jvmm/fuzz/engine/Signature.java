package io.jvmm.fuzz.engine;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What makes two findings the same: the kind of error, where our code threw it, and its message without its numbers. */
public record Signature(String kind, String place, String message) {

    /** That of an error. */
    public static Signature of(Throwable error) {
        String place = "";
        for (StackTraceElement frame : error.getStackTrace()) {
            if (frame.getClassName().startsWith("io.jvmm.")) {
                place = frame.getClassName() + "." + frame.getMethodName();
                break;
            }
        }
        String message = Objects.requireNonNullElse(error.getMessage(), "").replaceAll("0x[0-9a-f]+|-?[0-9]+", "N");
        return new Signature(error.getClass().getName(), place, message);
    }

    /** Runs an input; null when nothing is found. */
    static @Nullable Throwable findingOf(FuzzTarget target, byte[] input) {
        try {
            target.run(input);
            return null;
        } catch (Throwable e) { // whatever it is, it is what we look for
            return e;
        }
    }
}
