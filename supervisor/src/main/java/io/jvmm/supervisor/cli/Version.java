package io.jvmm.supervisor.cli;

/** What this build calls itself. */
final class Version {
    private Version() {}

    /** {@code jvmm 0.1.0}; the number comes from the jar's manifest. */
    static String text() {
        String version = Version.class.getPackage().getImplementationVersion();
        return "jvmm " + (version == null ? "(built from classes)" : version) + " on Java " + Runtime.version();
    }
}
