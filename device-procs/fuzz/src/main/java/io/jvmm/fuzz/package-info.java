/**
 * The {@code jvmm-fuzz} command and what there is to fuzz. May depend on every module, and nothing depends on it. Start at {@link io.jvmm.fuzz.FuzzMain};
 * {@link io.jvmm.fuzz.Targets} lists the targets.
 */
@NullMarked
package io.jvmm.fuzz;

import org.jspecify.annotations.NullMarked;
