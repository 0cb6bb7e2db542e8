package io.jvmm.device.platform;

import io.jvmm.ipc.state.FieldFormat;
import io.jvmm.ipc.state.FieldFormat.Part;
import io.jvmm.ipc.state.StateFormats;

/** How the platform's state is shown, in the words of ACPI §4.8.3, the MC146818A's data sheet, and the 8042's. */
final class PlatformFormats {
    private PlatformFormats() {}

    static StateFormats state() {
        return acpi().and(rtc()).and(keyboard()).and(others());
    }

    private static StateFormats acpi() {
        FieldFormat events = FieldFormat.register(
                Part.of(AcpiPmBlock.TMR, "", "TMR"),
                Part.of(AcpiPmBlock.GBL, "", "GBL"),
                Part.of(AcpiPmBlock.PWRBTN, "", "PWRBTN"),
                Part.of(AcpiPmBlock.SLPBTN, "", "SLPBTN"),
                Part.of(AcpiPmBlock.RTC, "", "RTC"),
                Part.of(AcpiPmBlock.WAK_STS, "", "WAK"));
        return StateFormats.NONE
                .and(FieldFormat.NANOSECONDS, "acpi.pmTimerOriginNs")
                .and(FieldFormat.DECIMAL, "acpi.pmTimerHalfPeriods")
                .and(events, "acpi.PM1_STS", "acpi.PM1_EN")
                .and(FieldFormat.register(Part.of(AcpiPmBlock.SCI_EN, "", "SCI_EN")), "acpi.PM1_CNT")
                .and(FieldFormat.flags("", "SYS_RST", "RST_CPU", "FULL_RST"), "reset.RST_CNT");
    }

    private static StateFormats rtc() {
        return StateFormats.NONE
                .and(FieldFormat.NANOSECONDS, "rtc.secondStartNs", "rtc.lastSyncNs")
                .and(FieldFormat.HEX, "rtc.REGISTER_A.DV_RS")
                .and(FieldFormat.flags("DSE", "24H", "BINARY", "SQWE", "UIE", "AIE", "PIE", "SET"), "rtc.REGISTER_B")
                .and(FieldFormat.flags("", "", "", "", "UF", "AF", "PF", "IRQF"), "rtc.REGISTER_C")
                .and(FieldFormat.flags("", "", "", "", "", "", "", "VRT"), "rtc.REGISTER_D");
    }

    private static StateFormats keyboard() {
        return StateFormats.NONE
                .and(
                        FieldFormat.flags("OBF", "IBF", "SYS", "A2", "NOT_INHIBITED", "AUXOBF", "TIMEOUT", "PARITY"),
                        "kbc.status",
                        "kbc.responseStatus")
                .and(FieldFormat.flags("RESET_HIGH", "A20", "", "", "KEYBOARD_IRQ", "AUX_IRQ"), "kbc.outputPort")
                .and(FieldFormat.DECIMAL, "kbd.queueLength", "kbd.scanCodeSet")
                .and(FieldFormat.flags("SCROLL", "NUM", "CAPS"), "kbd.indicators")
                .and(FieldFormat.YES_NO, "kbd.scanning");
    }

    private static StateFormats others() {
        return StateFormats.NONE.and(FieldFormat.DECIMAL, "debug.head", "debug.count", "debug.dropped", "fwcfg.offset");
    }
}
