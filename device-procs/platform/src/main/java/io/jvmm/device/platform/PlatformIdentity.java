package io.jvmm.device.platform;

import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.device.api.DeviceIdentity.Interrupt;
import io.jvmm.device.api.DeviceIdentity.Region;
import java.util.List;

/** The constant facts of the platform device: its number, its register windows, its interrupt lines. */
final class PlatformIdentity {
    static final int DEVICE_ID = 0x504C_4154; // "PLAT"

    static final int REGION_RTC = 0;
    static final int REGION_KBC_DATA = 1;
    static final int REGION_KBC_COMMAND = 2;
    static final int REGION_ACPI_PM = 3;
    static final int REGION_RESET = 4;
    static final int REGION_DEBUG_402 = 5;
    static final int REGION_DEBUG_E9 = 6;
    static final int REGION_FW_CFG = 7;

    static final int IRQ_RTC = 0;
    static final int IRQ_KEYBOARD = 1;
    static final int IRQ_AUX = 2;
    static final int IRQ_SCI = 3;

    static final int RTC_BYTES = 2;
    static final int ACPI_PM_BYTES = 0x40;

    /** The one host port: the debug console's output. */
    static final int HOST_PORT_DEBUG = 0;

    static final DeviceIdentity IDENTITY = new DeviceIdentity(
            "platform",
            DEVICE_ID,
            PlatformStateLayout.VERSION,
            PlatformStateLayout.STATE_V2,
            List.of(
                    new Region("RTC", 0x70, RTC_BYTES),
                    new Region("i8042 data", 0x60, 1),
                    new Region("i8042 command", 0x64, 1),
                    new Region("ACPI PM", 0x600, ACPI_PM_BYTES),
                    new Region("reset control", 0xCF9, 1),
                    new Region("debug console", 0x402, 1),
                    new Region("debug console E9", 0xE9, 1),
                    new Region("firmware configuration", 0x510, FwCfg.WINDOW_BYTES)),
            List.of(
                    new Interrupt("RTC", 8, false),
                    new Interrupt("keyboard", 1, false),
                    new Interrupt("aux", 12, false),
                    new Interrupt("SCI", 9, true)),
            1);

    private PlatformIdentity() {}
}
