/**
 * What makes inputs: processes that run Jazzer, corpora, dictionaries, the reducer, and what is kept of a finding. Depends on {@code io.jvmm.fuzz.program} and
 * the targets' interface; Jazzer is started, not called. Start at {@link io.jvmm.fuzz.engine.FuzzTarget} and {@link io.jvmm.fuzz.engine.JazzerRun}.
 */
@NullMarked
package io.jvmm.fuzz.engine;

import org.jspecify.annotations.NullMarked;
