/**
 * Whole machines: the distribution is started as a user would start it, real guests run in real jails, things are killed
 * at bad moments, and time is taken. This package drives {@code jvmm-supervisor} as a child process and knows nothing of
 * its classes. Start reading at {@link io.jvmm.it.Machine}.
 *
 * <p>May depend on every module; no module may depend on it.
 */
@NullMarked
package io.jvmm.it;

import org.jspecify.annotations.NullMarked;
