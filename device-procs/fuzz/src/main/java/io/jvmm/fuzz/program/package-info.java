/**
 * What an input of a device target means: a list of operations of a guest, a host and a clock, in which every string of bytes is a program. Depends on the
 * JDK only. Start at {@link io.jvmm.fuzz.program.Operation}.
 */
@NullMarked
package io.jvmm.fuzz.program;

import org.jspecify.annotations.NullMarked;
