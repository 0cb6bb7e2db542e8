/** PLACEHOLDER. */
@NullMarked
package io.jvmm.ipc.message;

import org.jspecify.annotations.NullMarked;
