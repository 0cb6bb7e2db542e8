package io.jvmm.supervisor.config;

import java.nio.file.Path;
import java.util.Optional;

/**
 * The platform devices.
 *
 * @param rtc what the real-time clock shows
 * @param debugConsole file for what the guest writes to the debug console port, appended
 */
public record PlatformConfig(RtcBase rtc, Optional<Path> debugConsole) {}
