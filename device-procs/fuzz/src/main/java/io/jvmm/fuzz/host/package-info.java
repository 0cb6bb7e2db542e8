/**
 * The hosts of the devices as the fuzzer plays them: what they answer on a tape, and what they do by themselves. The numbers are those of each module's own enum
 * of calls, which is not public; a test holds them against it. Depends on {@code io.jvmm.fuzz.machine}. Start at {@link io.jvmm.fuzz.host.NetModel}.
 */
@NullMarked
package io.jvmm.fuzz.host;

import org.jspecify.annotations.NullMarked;
