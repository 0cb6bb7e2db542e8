/**
 * The command line: arguments in, an {@link io.jvmm.supervisor.cli.ExitCode} out. May use every other package of this
 * module; nothing may use it. Start at {@link io.jvmm.supervisor.cli.SupervisorMain}.
 */
@NullMarked
package io.jvmm.supervisor.cli;

import org.jspecify.annotations.NullMarked;
