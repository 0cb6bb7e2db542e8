/** What runs guest code, seen from the board. */
@NullMarked
package io.jvmm.vcpu.engine;

import org.jspecify.annotations.NullMarked;
