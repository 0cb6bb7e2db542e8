package io.jvmm.vcpu.main;

import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.ExitView;

/** Answers a device access: the board, seen from a vCPU thread. Must neither throw nor allocate. */
@FunctionalInterface
interface ExitHandler {
    /** @param kind one of those for which {@link ExitKind#isAccess()}; a read must be completed */
    void handle(int vcpu, ExitKind kind, ExitView exit);
}
