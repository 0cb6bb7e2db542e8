/**
 * The rules of the house and of the architecture, held against every class and every file of the repository. Start at
 * {@link io.jvmm.it.rules.ArchitectureTest}. Depends on ArchUnit and on the file system; starts nothing.
 */
@NullMarked
package io.jvmm.it.rules;

import org.jspecify.annotations.NullMarked;
