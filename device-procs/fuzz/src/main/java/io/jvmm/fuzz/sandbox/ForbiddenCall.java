package io.jvmm.fuzz.sandbox;

import io.jvmm.policy.parse.SyscallTable;

/**
 * Which system call it was that a process died of. The kernel tells nobody but the dead; so the script is run again under filters that let half of all calls through, then
 * half of those, until one is left.
 */
final class ForbiddenCall {
    private static final int LAST = 511;

    private ForbiddenCall() {}

    /** Its name, or why there is none. */
    static String name(SandboxDevice device, SandboxPrograms programs, byte[] script, long boundNs) {
        if (dies(device, programs.allowing(0, LAST), script, boundNs)) {
            return "a call that is none of x86-64's, or of no filter's";
        }
        int first = 0;
        int last = LAST;
        while (first < last) {
            int middle = (first + last) >>> 1;
            if (dies(device, programs.allowing(first, middle), script, boundNs)) {
                first = middle + 1;
            } else {
                last = middle;
            }
        }
        if (dies(device, programs.allowing(first, first), script, boundNs)) {
            return "several calls";
        }
        return SyscallTable.x86_64().name(first);
    }

    private static boolean dies(SandboxDevice device, SandboxPrograms programs, byte[] script, long boundNs) {
        try (SandboxTarget target = new SandboxTarget(device, programs, boundNs)) {
            target.run(script);
            return false;
        } catch (SandboxFinding e) {
            return isBySigsys(e);
        }
    }

    static boolean isBySigsys(Throwable finding) {
        return String.valueOf(finding.getMessage()).contains("SIGSYS");
    }
}
