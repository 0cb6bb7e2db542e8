package io.jvmm.fuzz.engine;

import io.jvmm.fuzz.Targets;
import io.jvmm.ipc.sys.ParentDeath;

/** What Jazzer calls, by these names. Its process fuzzes the one target that the property {@link #TARGET} names. */
public final class JazzerEntry {
    /** Which target. */
    public static final String TARGET = "jvmm.fuzz.target";

    private static FuzzTarget target = input -> {};

    private JazzerEntry() {}

    /** Once, before the first input. */
    public static void fuzzerInitialize() {
        ParentDeath.follow();
        target = Targets.named(System.getProperty(TARGET, "")).make();
    }

    /** One input. */
    public static void fuzzerTestOneInput(byte[] input) throws Exception {
        target.run(input);
    }
}
