/** The command line. */
@NullMarked
package io.jvmm.supervisor.cli;

import org.jspecify.annotations.NullMarked;
