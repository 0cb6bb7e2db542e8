/**
 * A device process fuzzed from outside: the program of the distribution in its jail and behind its filter, with supervisor, vCPU process, guest memory and host
 * played by this process. Nothing is instrumented; what is seen from outside guides the search. Depends on the machine's driver, the programs of inputs, and the
 * supervisor's idea of a distribution. Start at {@link io.jvmm.fuzz.sandbox.SandboxMachine}.
 */
@NullMarked
package io.jvmm.fuzz.sandbox;

import org.jspecify.annotations.NullMarked;
