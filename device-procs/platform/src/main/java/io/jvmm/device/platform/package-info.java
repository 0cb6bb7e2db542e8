/** RTC, i8042, ACPI power management, debug console. */
@NullMarked
package io.jvmm.device.platform;

import org.jspecify.annotations.NullMarked;
