/**
 * The host's processor as a reference: runs single instructions natively. Test code; the only tests of this module that map executable
 * memory. Start at {@link io.jvmm.vcpu.x86.oracle.sys.NativeCpu}.
 */
@NullMarked
package io.jvmm.vcpu.x86.oracle.sys;

import org.jspecify.annotations.NullMarked;
