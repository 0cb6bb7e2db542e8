/** Typed Linux calls. */
@NullMarked
package io.jvmm.ipc.sys;

import org.jspecify.annotations.NullMarked;
