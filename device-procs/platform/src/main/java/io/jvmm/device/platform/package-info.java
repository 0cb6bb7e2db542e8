/**
 * The platform device process: the small devices that a PC has soldered to its board. A real-time clock with CMOS RAM,
 * the keyboard controller (and a keyboard nobody types on), the ACPI power-management block, the reset register and the
 * debug console port.
 *
 * <p>May depend on {@code device-api} (and through it on {@code ipc-protocol}); never on another device. Each core is
 * pure: register access and time in, state change and {@link io.jvmm.device.api.DeviceEffects effects} out; all
 * guest-visible state lies in one state block, {@code PlatformStateLayout}. Start reading at
 * {@code PlatformCore}, which maps regions to cores, then pick a core: {@code Mc146818Rtc}, {@code I8042},
 * {@code AcpiPmBlock}, {@code ResetControl}, {@code DebugConsole}.
 */
@NullMarked
package io.jvmm.device.platform;

import org.jspecify.annotations.NullMarked;
