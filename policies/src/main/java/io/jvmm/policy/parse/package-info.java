/**
 * The policy language: text to {@link io.jvmm.policy.parse.Policy}. It knows the names of system calls, their arguments and
 * constants (the resource files beside it), and refuses what a reviewer should not have to think about: a rule without a reason,
 * a rule that can never apply, a rule that says nothing new. May depend on {@code io.jvmm.ipc.sys.Errno} alone. Start reading at
 * {@link io.jvmm.policy.parse.PolicyParser}, whose Javadoc is the grammar.
 */
@NullMarked
package io.jvmm.policy.parse;

import org.jspecify.annotations.NullMarked;
