/**
 * A next version of the entropy device's program, for the tests of live upgrades: its state has a field more, in front of the
 * others, and it reads and writes the layout of the version before. {@code SecondDistribution} makes a jar of this package and puts
 * it into a copy of the distribution. Depends on the device's module, as that version would. Start at
 * {@link io.jvmm.it.rngv2.RngV2Main}.
 */
@NullMarked
package io.jvmm.it.rngv2;

import org.jspecify.annotations.NullMarked;
