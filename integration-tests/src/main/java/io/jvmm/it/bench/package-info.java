/**
 * The benchmarks: one command, {@code integration-tests/bench}, one table. What is compared with each other is measured
 * in the same run, in turns, so that a noisy machine disturbs both sides alike; read the ratios. Start at
 * {@link io.jvmm.it.bench.Bench}.
 *
 * <p>May depend on everything; nothing depends on it.
 */
@NullMarked
package io.jvmm.it.bench;

import org.jspecify.annotations.NullMarked;
