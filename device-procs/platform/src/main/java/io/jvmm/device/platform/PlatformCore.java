package io.jvmm.device.platform;

import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceEffects;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.trace.Tape;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Places the cores on the bus: maps region and offset to a byte of a core, and splits wider accesses into bytes as a PC
 * does with 8-bit devices (the lowest address first). A byte outside a region reads all ones and swallows writes.
 *
 * <p>Holds nothing itself; the state block is the whole device. Device thread only; the guest is hostile.
 */
final class PlatformCore implements DeviceCore {
    private static final long ALL_ONES = -1;
    private static final int FLOATING = 0xFF;
    private static final int[] REGION_BYTES = regionBytes();

    private final Mc146818Rtc rtc;
    private final I8042 keyboardController;
    private final AcpiPmBlock powerManagement;
    private final ResetControl resetControl;
    private final DebugConsole debugConsole;
    private final FwCfgItems firmwareItems;
    private final @Nullable FwCfg firmware;
    private final DeviceEffects effects;

    /** A platform without firmware configuration. */
    PlatformCore(PlatformConfig config, AtomicBuffer state, DeviceEffects effects) {
        this(config, state, effects, null);
    }

    /**
     * @param state at least {@link PlatformStateLayout#LENGTH_BYTES}; initialise or validate it before serving
     * @param memory for the firmware configuration device, or null
     */
    PlatformCore(PlatformConfig config, AtomicBuffer state, DeviceEffects effects, @Nullable GuestMemory memory) {
        this.firmwareItems = new FwCfgItems(config.memoryBytes(), config.vcpus());
        this.firmware =
                memory == null ? null : new FwCfg(state, PlatformStateLayout.FW_CFG, firmwareItems, memory, effects);
        this.powerManagement = new AcpiPmBlock(state, effects, true);
        this.rtc = new Mc146818Rtc(state, effects, powerManagement);
        this.keyboardController = new I8042(state, effects);
        this.resetControl = new ResetControl(state, effects);
        this.debugConsole = new DebugConsole(state, config.debugConsole());
        this.effects = effects;
    }

    /** What the board has to tell firmware; before anything is served. */
    void firmwareFiles(DirectBuffer packed, int lengthBytes, @Nullable Tape tape) {
        firmwareItems.attach(packed, lengthBytes, tape);
    }

    /** The machine is switched on: every register as the data sheets have it, the clock showing that time. */
    void powerOn(long epochSeconds, int nanoOfSecond, long nowNs) {
        rtc.powerOn(epochSeconds, nanoOfSecond, nowNs);
        powerManagement.powerOn(nowNs);
        keyboardController.reset();
        resetControl.reset();
    }

    @Override
    public long read(int region, int offset, int widthBytes, long nowNs) {
        if (region == PlatformIdentity.REGION_ACPI_PM
                && offset == AcpiPmBlock.OFFSET_PM_TMR
                && widthBytes == Integer.BYTES) {
            return powerManagement.readTimer(nowNs);
        }
        if (region < 0 || region >= REGION_BYTES.length) {
            effects.guestError(PlatformError.UNKNOWN_REGION.code, region);
            return ALL_ONES;
        }
        if (region == PlatformIdentity.REGION_FW_CFG) {
            return firmware == null ? ALL_ONES : firmware.read(offset, widthBytes);
        }
        long value = 0;
        for (int i = 0; i < widthBytes; i++) {
            int at = offset + i;
            int octet = at >= 0 && at < REGION_BYTES[region] ? readByte(region, at, nowNs) : FLOATING;
            value |= (long) octet << (i * 8);
        }
        return value;
    }

    @Override
    public void write(int region, int offset, int widthBytes, long value, long nowNs) {
        if (region < 0 || region >= REGION_BYTES.length) {
            effects.guestError(PlatformError.UNKNOWN_REGION.code, region);
            return;
        }
        if (region == PlatformIdentity.REGION_FW_CFG) {
            if (firmware != null) {
                firmware.write(offset, widthBytes, value);
            }
            return;
        }
        for (int i = 0; i < widthBytes; i++) {
            int at = offset + i;
            if (at >= 0 && at < REGION_BYTES[region]) {
                writeByte(region, at, (int) (value >>> (i * 8)) & 0xFF, nowNs);
            }
        }
    }

    private int readByte(int region, int offset, long nowNs) {
        return switch (region) {
            case PlatformIdentity.REGION_RTC -> offset == 0 ? rtc.readIndex() : rtc.readData(nowNs);
            case PlatformIdentity.REGION_KBC_DATA -> keyboardController.readData();
            case PlatformIdentity.REGION_KBC_COMMAND -> keyboardController.readStatus();
            case PlatformIdentity.REGION_ACPI_PM -> powerManagement.readByte(offset, nowNs);
            case PlatformIdentity.REGION_RESET -> resetControl.read();
            case PlatformIdentity.REGION_DEBUG_402, PlatformIdentity.REGION_DEBUG_E9 -> debugConsole.read();
            default -> FLOATING;
        };
    }

    private void writeByte(int region, int offset, int value, long nowNs) {
        switch (region) {
            case PlatformIdentity.REGION_RTC -> {
                if (offset == 0) {
                    rtc.writeIndex(value);
                } else {
                    rtc.writeData(value, nowNs);
                }
            }
            case PlatformIdentity.REGION_KBC_DATA -> keyboardController.writeData(value);
            case PlatformIdentity.REGION_KBC_COMMAND -> keyboardController.writeCommand(value);
            case PlatformIdentity.REGION_ACPI_PM -> powerManagement.writeByte(offset, value, nowNs);
            case PlatformIdentity.REGION_RESET -> resetControl.write(value);
            case PlatformIdentity.REGION_DEBUG_402, PlatformIdentity.REGION_DEBUG_E9 -> debugConsole.write(value);
            default -> {}
        }
    }

    /** The machine's reset line. The clock, its RAM and the power-management timer run on. */
    @Override
    public void reset(long nowNs) {
        rtc.reset(nowNs);
        powerManagement.reset(nowNs);
        keyboardController.reset();
        resetControl.reset();
        if (firmware != null) {
            firmware.reset();
        }
    }

    @Override
    public void timer(long nowNs) {
        rtc.timer(nowNs);
        powerManagement.timerEvent(nowNs);
    }

    @Override
    public long nextDeadlineNs() {
        return Math.min(rtc.nextDeadlineNs(), powerManagement.nextDeadlineNs());
    }

    /** KVM lowers the line at the end of the guest's interrupt; it goes up again while an enabled event is pending. */
    @Override
    public void resample(int line, long nowNs) {
        if (line == PlatformIdentity.IRQ_SCI && powerManagement.sciAsserted()) {
            effects.interruptLevel(PlatformIdentity.IRQ_SCI, true);
        }
    }

    @Override
    public void powerButton(long nowNs) {
        powerManagement.powerButton(nowNs);
    }

    @Override
    public void resume(long nowNs) {
        timer(nowNs);
        // A driver that had all ones for an answer, because the predecessor hung, may have missed what these interrupts
        // were about.
        rtc.interruptAgain();
        keyboardController.interruptAgain();
        resample(PlatformIdentity.IRQ_SCI, nowNs);
    }

    @Override
    public int hostOutput(int port, MutableDirectBuffer into, int offset, int limitBytes) {
        return debugConsole.output(into, offset, limitBytes);
    }

    @Override
    public boolean hostOutputUrgent() {
        return debugConsole.nearlyFull();
    }

    @Override
    public void hostOutputDone(int port, int count, long nowNs) {
        debugConsole.outputDone(count);
    }

    private static int[] regionBytes() {
        int[] bytes = new int[PlatformIdentity.IDENTITY.regions().size()];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = PlatformIdentity.IDENTITY.regions().get(i).lengthBytes();
        }
        return bytes;
    }
}
