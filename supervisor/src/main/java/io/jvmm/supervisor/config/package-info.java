/**
 * {@code vm.toml}: from text to validated records, every complaint with file, line, column, key and cure. Depends on
 * tomlj and nothing else of ours, so that a configuration can be checked where no machine can run. Start at
 * {@link io.jvmm.supervisor.config.VmToml}; {@link io.jvmm.supervisor.config.ConfigKey} is the list of keys.
 */
@NullMarked
package io.jvmm.supervisor.config;

import org.jspecify.annotations.NullMarked;
