/** The policy file parser. */
@NullMarked
package io.jvmm.policy.parse;

import org.jspecify.annotations.NullMarked;
