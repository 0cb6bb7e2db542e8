/**
 * The translator tier: hot regions of guest code to JVM bytecode. Depends on interp and what it depends on. Start at the translator.
 */
@NullMarked
package io.jvmm.vcpu.x86.translate;

import org.jspecify.annotations.NullMarked;
