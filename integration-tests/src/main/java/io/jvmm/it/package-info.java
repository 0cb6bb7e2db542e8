/** Whole machines. */
@NullMarked
package io.jvmm.it;

import org.jspecify.annotations.NullMarked;
