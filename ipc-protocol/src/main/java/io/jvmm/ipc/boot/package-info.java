/** PLACEHOLDER. */
@NullMarked
package io.jvmm.ipc.boot;

import org.jspecify.annotations.NullMarked;
