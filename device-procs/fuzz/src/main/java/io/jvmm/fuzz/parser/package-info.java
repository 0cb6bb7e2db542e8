/**
 * Targets without a device: what reads files, records and rings that somebody else has written. Depends on the modules those are in. Start at
 * {@link io.jvmm.fuzz.parser.RingTarget}, which is short.
 */
@NullMarked
package io.jvmm.fuzz.parser;

import org.jspecify.annotations.NullMarked;
