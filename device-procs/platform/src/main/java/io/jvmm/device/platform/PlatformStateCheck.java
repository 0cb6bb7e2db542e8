package io.jvmm.device.platform;

import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Examines a state block that comes from outside (an earlier process, a snapshot): hostile until nothing is found. What
 * passes can be served without further checks: no index leaves its array, no sum overflows, no loop is unbounded.
 */
final class PlatformStateCheck {
    /** Room that every stored time keeps from the ends of a long, so that differences of two never overflow. */
    private static final long TIME_LIMIT_NS = Long.MAX_VALUE / 4;

    private PlatformStateCheck() {}

    /**
     * Examines a block from outside, field by field.
     *
     * @param state the block, at least {@link PlatformStateLayout#LENGTH_BYTES} long
     * @param nowNs virtual time now; no event of the block may lie in the future
     * @return the name of the first field that no honest process could have written, or null when all is well
     */
    static @Nullable String violation(AtomicBuffer state, long nowNs) {
        if (state.capacity() < PlatformStateLayout.LENGTH_BYTES) {
            return "length";
        }
        if (!rtcTimesAreSane(state, nowNs)) {
            return "rtc.secondStartNs or rtc.lastSyncNs";
        }
        if (!AcpiPmBlock.timesAreSane(state, TIME_LIMIT_NS, nowNs)) {
            return "acpi.pmTimerOriginNs or acpi.pmTimerHalfPeriods";
        }
        if ((state.getShort(PlatformStateLayout.PM1_STS) & 0xFFFF & ~AcpiPmBlock.STS_IMPLEMENTED) != 0) {
            return "acpi.PM1_STS";
        }
        if ((state.getShort(PlatformStateLayout.PM1_EN) & 0xFFFF & ~AcpiPmBlock.EN_WRITABLE) != 0) {
            return "acpi.PM1_EN";
        }
        if ((state.getShort(PlatformStateLayout.PM1_CNT) & 0xFFFF & ~AcpiPmBlock.CNT_WRITABLE) != 0) {
            return "acpi.PM1_CNT";
        }
        if ((state.getByte(PlatformStateLayout.RST_CNT) & 0xFF & ~ResetControl.WRITABLE) != 0) {
            return "reset.RST_CNT";
        }
        for (int i = PlatformStateLayout.RESERVED; i < PlatformStateLayout.KBD_QUEUE; i++) {
            if (state.getByte(i) != 0) {
                return "reserved";
            }
        }
        if (!DebugConsole.isSane(state)) {
            return "debug.head or debug.count";
        }
        if (!FwCfg.isSane(state, PlatformStateLayout.FW_CFG)) {
            return "fwcfg.offset or fwcfg.reserved";
        }
        String keyboard = I8042.violation(state);
        return keyboard != null ? keyboard : Mc146818Rtc.violation(state);
    }

    /** A running second has begun and not ended; nothing has happened in the future. */
    private static boolean rtcTimesAreSane(AtomicBuffer state, long nowNs) {
        long start = state.getLong(PlatformStateLayout.RTC_SECOND_START_NS);
        long last = state.getLong(PlatformStateLayout.RTC_LAST_SYNC_NS);
        return start > -TIME_LIMIT_NS
                && last < TIME_LIMIT_NS
                && start <= last
                && last - start < Mc146818Rtc.SECOND_NS
                && last <= nowNs
                && nowNs < TIME_LIMIT_NS;
    }
}
