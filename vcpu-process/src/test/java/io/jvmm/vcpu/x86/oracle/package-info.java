/**
 * Differential tests of the software CPU against the processor that the tests run on. Start at {@link
 * io.jvmm.vcpu.x86.oracle.sys.NativeCpu}.
 */
@NullMarked
package io.jvmm.vcpu.x86.oracle;

import org.jspecify.annotations.NullMarked;
