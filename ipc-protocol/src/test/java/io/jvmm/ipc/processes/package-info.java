/** A link between two real processes, one of which gets killed. */
@NullMarked
package io.jvmm.ipc.processes;

import org.jspecify.annotations.NullMarked;
