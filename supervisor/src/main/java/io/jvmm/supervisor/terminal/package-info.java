/**
 * The user's terminal: raw while a guest has it, as it was before whenever the guest no longer has it, even after
 * {@code kill -9} of the supervisor. Depends on the module's {@code sys}. Start at
 * {@link io.jvmm.supervisor.terminal.TerminalSession}.
 */
@NullMarked
package io.jvmm.supervisor.terminal;

import org.jspecify.annotations.NullMarked;
