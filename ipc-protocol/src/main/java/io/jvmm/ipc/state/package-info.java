/** PLACEHOLDER. */
@NullMarked
package io.jvmm.ipc.state;

import org.jspecify.annotations.NullMarked;
