/** PLACEHOLDER. */
@NullMarked
package io.jvmm.ipc.memory;

import org.jspecify.annotations.NullMarked;
