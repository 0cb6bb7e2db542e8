package io.jvmm.device.platform;

import io.jvmm.device.api.DeviceEffects;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import org.agrona.concurrent.AtomicBuffer;

/**
 * The fixed hardware of ACPI 6.5 §4.8: the PM1a event and control registers and the power-management timer.
 *
 * <pre>
 *   offset 0   PM1a_STS   16 bits  write one to clear   TMR 0, GBL 5, PWRBTN 8, SLPBTN 9, RTC 10, WAK 15
 *          2   PM1a_EN    16 bits  read/write           TMR 0, GBL 5, PWRBTN 8, SLPBTN 9, RTC 10
 *          4   PM1a_CNT   16 bits  read/write           SCI_EN 0 (always 1), SLP_TYP 10..12, SLP_EN 13 (reads 0)
 *          8   PM_TMR     32 bits  read only            3.579545 MHz, from virtual time
 *         30   SMI_EN     32 bits  read only            APMC_EN 5 (ICH9 §13.8.3.7)
 * </pre>
 *
 * <p>SMI_EN is the chip set's. Firmware that finds APMC_EN set leaves system management mode alone, as on QEMU without it; SeaBIOS
 * would otherwise ask for an SMI and wait for ever.
 *
 * <p>There is no legacy mode: SCI_EN reads 1 and the board declares no SMI command port. GBL_RLS and BM_RLD are taken
 * and ignored (no SMI, no bus-master arbitration). Accesses of any width and alignment work byte by byte, as on a bus.
 *
 * <p>Times are nanoseconds of virtual time. Device thread only. The guest is hostile: bounded time, no exceptions.
 */
final class AcpiPmBlock implements RtcAlarm {
    static final long NEVER = Long.MAX_VALUE;

    static final int OFFSET_PM1_STS = 0;
    static final int OFFSET_PM1_EN = 2;
    static final int OFFSET_PM1_CNT = 4;
    static final int OFFSET_PM_TMR = 8;
    static final int OFFSET_SMI_EN = 0x30;

    static final int TMR = 1;
    static final int GBL = 1 << 5;
    static final int PWRBTN = 1 << 8;
    static final int SLPBTN = 1 << 9;
    static final int RTC = 1 << 10;
    static final int WAK_STS = 1 << 15;
    static final int SCI_EN = 1;
    static final int APMC_EN = 1 << 5;
    static final int SLP_TYP_SHIFT = 10;
    static final int SLP_TYP = 7 << SLP_TYP_SHIFT;
    static final int SLP_EN = 1 << 13;

    /** The sleep type that the board's DSDT gives for \_S5: soft off. The only one there is. */
    static final int SLEEP_TYPE_S5 = 5;

    static final int EN_WRITABLE = TMR | GBL | PWRBTN | SLPBTN | RTC;
    static final int STS_IMPLEMENTED = EN_WRITABLE | WAK_STS;
    static final int CNT_WRITABLE = SLP_TYP;

    /** §4.8.2.1: the timer runs at 3.579545 MHz. */
    static final long TIMER_HZ = 3_579_545;

    private static final long SECOND_NS = 1_000_000_000L;
    private static final int TIMER_MSB_SHIFT_32 = 31;
    private static final int TIMER_MSB_SHIFT_24 = 23;

    private final AtomicBuffer state;
    private final DeviceEffects effects;
    private final int msbShift;

    /** @param timer32Bits whether PM_TMR counts 32 bits (the board then sets TMR_VAL_EXT in the FADT) or 24 */
    AcpiPmBlock(AtomicBuffer state, DeviceEffects effects, boolean timer32Bits) {
        this.state = state;
        this.effects = effects;
        this.msbShift = timer32Bits ? TIMER_MSB_SHIFT_32 : TIMER_MSB_SHIFT_24;
    }

    /** A cold start: all registers zero, the timer starts from zero. */
    void powerOn(long nowNs) {
        state.putShort(PlatformStateLayout.PM1_STS, (short) 0);
        state.putShort(PlatformStateLayout.PM1_EN, (short) 0);
        state.putShort(PlatformStateLayout.PM1_CNT, (short) 0);
        state.putLong(PlatformStateLayout.PM_TIMER_ORIGIN_NS, nowNs);
        state.putLong(PlatformStateLayout.PM_TIMER_HALF_PERIODS, 0);
    }

    /** A machine reset: events forgotten and masked, the free-running timer goes on. */
    void reset(long nowNs) {
        boolean before = sciAsserted();
        sync(nowNs);
        state.putShort(PlatformStateLayout.PM1_STS, (short) 0);
        state.putShort(PlatformStateLayout.PM1_EN, (short) 0);
        state.putShort(PlatformStateLayout.PM1_CNT, (short) 0);
        if (before) {
            effects.interruptLevel(PlatformIdentity.IRQ_SCI, false);
        }
    }

    /** One byte; offsets without a register read 0, as reserved bits do (§4.8.3). */
    int readByte(int offset, long nowNs) {
        sync(nowNs);
        return switch (offset) {
            case 0 -> status() & 0xFF;
            case 1 -> status() >> 8;
            case 2 -> enable() & 0xFF;
            case 3 -> enable() >> 8;
            case 4 -> SCI_EN;
            case 5 -> control() >> 8;
            case 8, 9, 10, 11 -> (int) (timer(nowNs) >> ((offset - 8) * 8)) & 0xFF;
            case OFFSET_SMI_EN -> APMC_EN;
            default -> 0;
        };
    }

    /** PM_TMR as the 32-bit read that drivers make. */
    long readTimer(long nowNs) {
        sync(nowNs);
        return timer(nowNs);
    }

    /** One byte. PM1a_STS clears the bits written as one; SLP_EN acts at once; PM_TMR and reserved bytes ignore it. */
    void writeByte(int offset, int value, long nowNs) {
        boolean before = syncKeepingSci(nowNs);
        switch (offset) {
            case 0 -> putStatus(status() & ~(value & 0xFF));
            case 1 -> putStatus(status() & ~((value & 0xFF) << 8));
            case 2 -> putEnable((enable() & 0xFF00) | (value & 0xFF));
            case 3 -> putEnable((enable() & 0x00FF) | (value & 0xFF) << 8);
            case 5 -> writeControlHigh((value & 0xFF) << 8);
            default -> {}
        }
        announce(before);
    }

    /** The user pressed the power button (§4.8.2.2.1): recorded always, an interrupt if enabled. */
    void powerButton(long nowNs) {
        boolean before = syncKeepingSci(nowNs);
        putStatus(status() | PWRBTN);
        announce(before);
    }

    /** The RTC's alarm asserted its interrupt (§4.8.3.1.1, RTC_STS). */
    @Override
    public void rtcAlarm(long nowNs) {
        boolean before = syncKeepingSci(nowNs);
        putStatus(status() | RTC);
        announce(before);
    }

    /** Lets time pass: the timer's carry may raise the interrupt. */
    void timerEvent(long nowNs) {
        sync(nowNs);
    }

    /** When the timer's carry will raise the interrupt if the guest does nothing, or {@link #NEVER}. */
    long nextDeadlineNs() {
        if ((enable() & TMR) == 0 || (status() & TMR) != 0) {
            return NEVER;
        }
        long ticks = (state.getLong(PlatformStateLayout.PM_TIMER_HALF_PERIODS) + 1) << msbShift;
        long wholeSeconds = ticks / TIMER_HZ;
        long restNs = (ticks % TIMER_HZ * SECOND_NS + TIMER_HZ - 1) / TIMER_HZ;
        return state.getLong(PlatformStateLayout.PM_TIMER_ORIGIN_NS) + wholeSeconds * SECOND_NS + restNs;
    }

    /** The level of the system control interrupt: any event both recorded and enabled. */
    boolean sciAsserted() {
        return (status() & enable() & EN_WRITABLE) != 0;
    }

    private void writeControlHigh(int value) {
        state.putShort(PlatformStateLayout.PM1_CNT, (short) (value & CNT_WRITABLE));
        if ((value & SLP_EN) == 0) {
            return;
        }
        int sleepType = (value & SLP_TYP) >> SLP_TYP_SHIFT;
        if (sleepType == SLEEP_TYPE_S5) {
            effects.power(PowerAction.POWER_OFF, PowerOrigin.ACPI);
        } else {
            effects.guestError(PlatformError.ACPI_UNKNOWN_SLEEP_TYPE.code, sleepType);
        }
    }

    private boolean syncKeepingSci(long nowNs) {
        sync(nowNs);
        return sciAsserted();
    }

    private void announce(boolean before) {
        boolean after = sciAsserted();
        if (after != before) {
            effects.interruptLevel(PlatformIdentity.IRQ_SCI, after);
        }
    }

    /** Sets TMR_STS when the timer's most significant bit changed, in either direction (§4.8.3.1.1). */
    private void sync(long nowNs) {
        long halfPeriods = ticks(nowNs) >> msbShift;
        if (halfPeriods > state.getLong(PlatformStateLayout.PM_TIMER_HALF_PERIODS)) {
            boolean before = sciAsserted();
            state.putLong(PlatformStateLayout.PM_TIMER_HALF_PERIODS, halfPeriods);
            putStatus(status() | TMR);
            announce(before);
        }
    }

    private long timer(long nowNs) {
        return ticks(nowNs) & ((2L << msbShift) - 1);
    }

    private long ticks(long nowNs) {
        return ticksIn(nowNs - state.getLong(PlatformStateLayout.PM_TIMER_ORIGIN_NS));
    }

    private static long ticksIn(long durationNs) {
        long elapsed = Math.max(0, durationNs);
        return elapsed / SECOND_NS * TIMER_HZ + elapsed % SECOND_NS * TIMER_HZ / SECOND_NS;
    }

    private int status() {
        return state.getShort(PlatformStateLayout.PM1_STS) & 0xFFFF;
    }

    private void putStatus(int value) {
        state.putShort(PlatformStateLayout.PM1_STS, (short) (value & STS_IMPLEMENTED));
    }

    private int enable() {
        return state.getShort(PlatformStateLayout.PM1_EN) & 0xFFFF;
    }

    private void putEnable(int value) {
        state.putShort(PlatformStateLayout.PM1_EN, (short) (value & EN_WRITABLE));
    }

    private int control() {
        return state.getShort(PlatformStateLayout.PM1_CNT) & 0xFFFF;
    }

    /** Whether the timer has an origin in the past and has seen no more carries than there have been. */
    static boolean timesAreSane(AtomicBuffer state, long timeLimitNs, long nowNs) {
        long origin = state.getLong(PlatformStateLayout.PM_TIMER_ORIGIN_NS);
        long halfPeriods = state.getLong(PlatformStateLayout.PM_TIMER_HALF_PERIODS);
        return origin > -timeLimitNs
                && origin <= nowNs
                && halfPeriods >= 0
                && halfPeriods <= ticksIn(nowNs - origin) >> TIMER_MSB_SHIFT_32;
    }
}
