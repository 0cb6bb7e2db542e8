/** PLACEHOLDER. */
@NullMarked
package io.jvmm.ipc.ring;

import org.jspecify.annotations.NullMarked;
