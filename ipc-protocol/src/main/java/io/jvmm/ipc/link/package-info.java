/** PLACEHOLDER. */
@NullMarked
package io.jvmm.ipc.link;

import org.jspecify.annotations.NullMarked;
