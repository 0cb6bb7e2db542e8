/**
 * A running device gets the program of another distribution. {@link io.jvmm.supervisor.upgrade.Upgrade} decides (pure),
 * {@code UpgradeActions} is what it has done; {@code DistributionDirectory} and {@code ProgramVersions} say whether a directory is
 * fit for it. Depends on {@code launch}; the event loop of {@code lifecycle} drives it.
 */
@NullMarked
package io.jvmm.supervisor.upgrade;

import org.jspecify.annotations.NullMarked;
