package io.jvmm.device.platform;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.Descriptors;
import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceEffects;
import io.jvmm.device.api.DeviceFactory;
import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.device.api.Exercise;
import io.jvmm.device.api.HostEvents;
import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.device.api.trace.RecordedCore;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.state.StateFormats;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.ipc.trace.RecordingTape;
import io.jvmm.ipc.trace.Tape;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.agrona.concurrent.AtomicBuffer;
import org.jspecify.annotations.Nullable;

/** Makes platform devices: fresh ones from the configuration and the host's wall clock, others from their state. */
public final class PlatformDevice implements DeviceFactory {
    private static final int EXERCISED_COMMAND_BYTE =
            I8042.COMMAND_TRANSLATE | I8042.COMMAND_AUX_INTERRUPT | I8042.COMMAND_INTERRUPT;
    private static final int LONGEST_ANSWER = 3;
    private static final KbcCommand[] KBC_COMMANDS = KbcCommand.values();
    private static final int NS_PER_MS = 1_000_000;
    private static final long EXERCISED_REQUEST = 0x1000;
    private static final int EXERCISED_BYTES = 256;

    @Override
    public DeviceIdentity identity() {
        return PlatformIdentity.IDENTITY;
    }

    @Override
    public String guestErrorName(int code) {
        for (PlatformError error : PlatformError.values()) {
            if (error.code == code) {
                return error.name();
            }
        }
        return "";
    }

    @Override
    public StateFormats stateFormats() {
        return PlatformFormats.state();
    }

    @Override
    public boolean usesGuestMemory(DeviceConfig config) {
        return PlatformConfig.from(config).firmware();
    }

    @Override
    public DeviceCore create(
            DeviceConfig config, AtomicBuffer state, boolean fresh, DeviceEffects effects, long nowNs) {
        return create(config, state, fresh, effects, null, nowNs);
    }

    @Override
    public DeviceCore create(
            DeviceConfig config,
            AtomicBuffer state,
            boolean fresh,
            DeviceEffects effects,
            @Nullable GuestMemory memory,
            long nowNs) {
        return create(config, state, fresh, effects, memory, nowNs, System.currentTimeMillis());
    }

    @Override
    public DeviceCore createOnTape(
            DeviceConfig config,
            AtomicBuffer state,
            boolean fresh,
            DeviceEffects effects,
            @Nullable GuestMemory memory,
            Tape tape,
            long nowNs) {
        long hostMs = tape.answer(PlatformCall.WALL_CLOCK.code(), tape.live() ? System.currentTimeMillis() : 0);
        return create(config, state, fresh, effects, memory, nowNs, hostMs);
    }

    @Override
    public HostCalls hostCalls(DeviceConfig config, DeviceCore core, Tape tape) {
        return PlatformCall.replayed((PlatformCore) core, tape);
    }

    /** @param hostMs the only look at the host's wall clock there is; from here on the guest's clock follows {@code nowNs} */
    private static DeviceCore create(
            DeviceConfig config,
            AtomicBuffer state,
            boolean fresh,
            DeviceEffects effects,
            @Nullable GuestMemory memory,
            long nowNs,
            long hostMs) {
        PlatformConfig platform = PlatformConfig.from(config);
        PlatformCore device = new PlatformCore(platform, state, effects, platform.firmware() ? memory : null);
        if (fresh) {
            boolean fixed = platform.rtcStart() == PlatformConfig.RtcStart.FIXED;
            int nanoOfSecond = fixed ? 0 : (int) Math.floorMod(hostMs, 1000L) * NS_PER_MS;
            device.powerOn(platform.startSeconds(Math.floorDiv(hostMs, 1000L)), nanoOfSecond, nowNs);
            if (platform.memoryBytes() > 0) {
                CmosMemory.describe(state, platform.memoryBytes(), platform.vcpus());
            }
        } else {
            String field = PlatformStateCheck.violation(state, nowNs);
            if (field != null) {
                throw new StateRejectedException("platform state: field " + field
                        + " holds a value that no platform device writes; start the machine afresh");
            }
        }
        return device;
    }

    /** The debug console's; beside, descriptor {@code firmware.files} is what the board tells firmware. */
    @Override
    public List<Backend> backends(DeviceConfig config, Descriptors descriptors, DeviceCore core, HostEvents events) {
        descriptors.find("firmware.files").ifPresent(fd -> {
            if (!MemFd.of(fd).hasSeals(MemFd.SEALS_FIXED_SIZE)) {
                throw new IllegalArgumentException("firmware.files: a memfd of fixed size is needed");
            }
            // Stays mapped for good; the descriptor does not stay.
            Mapping files = Mapping.shared(fd, 0, FileIo.size(fd), Mapping.Access.READ_WRITE);
            int lengthBytes = Math.toIntExact(files.lengthBytes());
            RecordingTape tape = RecordedCore.tapeOf(core);
            if (tape != null) {
                tape.call(PlatformCall.FIRMWARE_FILES.code(), lengthBytes, 0, 0, 0);
            }
            ((PlatformCore) RecordedCore.unwrap(core)).firmwareFiles(files.buffer(), lengthBytes, tape);
            fd.close();
        });
        return DeviceFactory.super.backends(config, descriptors, core, events);
    }

    @Override
    public DeviceConfig exampleConfig() {
        // 2000-02-28T23:59:58Z, two seconds before a leap day that only some leap years have.
        Map<String, String> entries = Map.of(
                "rtc.base",
                "951782398",
                "debugcon",
                "true",
                "memory.bytes",
                "5368709120",
                "vcpus",
                "2",
                "firmware",
                "true");
        return key -> Optional.ofNullable(entries.get(key));
    }

    @Override
    public void exercise(Exercise machine) {
        exerciseRtc(machine);
        exerciseKeyboard(machine);
        exercisePowerManagement(machine);
        exerciseFirmware(machine);
        machine.read(PlatformIdentity.REGION_DEBUG_402, 0, 1);
        machine.write(PlatformIdentity.REGION_DEBUG_402, 0, 1, 'x');
        machine.write(PlatformIdentity.REGION_DEBUG_E9, 0, 1, 'x');
        machine.read(PlatformIdentity.REGION_RESET, 0, 1);
        machine.write(PlatformIdentity.REGION_RESET, 0, 1, ResetControl.SYS_RST);
        machine.write(PlatformIdentity.REGION_RESET, 0, 1, ResetControl.SYS_RST | ResetControl.RST_CPU);
    }

    /** Signature, directory, a file that is not there, and the same by DMA. */
    private static void exerciseFirmware(Exercise machine) {
        int region = PlatformIdentity.REGION_FW_CFG;
        for (int key : new int[] {FwCfgItems.SIGNATURE, FwCfgItems.ID, FwCfgItems.FILE_DIR, FwCfgItems.FILE_FIRST}) {
            machine.write(region, FwCfg.SELECTOR, 2, key);
            machine.read(region, FwCfg.DATA, 1);
        }
        int control = FwCfgItems.FILE_DIR << Short.SIZE | FwCfg.CONTROL_SELECT | FwCfg.CONTROL_READ;
        machine.memory().put32(EXERCISED_REQUEST, Integer.reverseBytes(control));
        machine.memory().put32(EXERCISED_REQUEST + Integer.BYTES, Integer.reverseBytes(EXERCISED_BYTES));
        machine.memory().put64(EXERCISED_REQUEST + Long.BYTES, Long.reverseBytes(2 * EXERCISED_REQUEST));
        machine.read(region, FwCfg.DMA_HIGH, 4);
        machine.write(region, FwCfg.DMA_HIGH, 4, 0);
        machine.write(region, FwCfg.DMA_LOW, 4, Integer.toUnsignedLong(Integer.reverseBytes((int) EXERCISED_REQUEST)));
        machine.write(region, FwCfg.DMA_LOW, 4, 0xFFFF_FFFFL);
    }

    private static void exerciseRtc(Exercise machine) {
        cmos(machine, RtcRegister.REGISTER_B, Mc146818Rtc.HOURS_24 | Mc146818Rtc.PERIODIC | Mc146818Rtc.ALARM);
        cmos(machine, RtcRegister.SECONDS_ALARM, 0xC0);
        machine.advance(2 * Mc146818Rtc.SECOND_NS);
        for (int index = 0; index <= RtcRegister.REGISTER_D.index; index++) {
            machine.write(PlatformIdentity.REGION_RTC, 0, 1, index);
            machine.read(PlatformIdentity.REGION_RTC, 1, 1);
        }
        cmos(machine, RtcRegister.REGISTER_B, Mc146818Rtc.SET | Mc146818Rtc.DM_BINARY);
        cmos(machine, RtcRegister.REGISTER_A, 0x70);
        cmos(machine, RtcRegister.HOURS, 0x8C);
        cmos(machine, RtcRegister.REGISTER_A, 0x26);
        cmos(machine, RtcRegister.REGISTER_B, Mc146818Rtc.UPDATE_ENDED);
        machine.advance(Mc146818Rtc.SECOND_NS);
        cmos(machine, RtcRegister.REGISTER_B, Mc146818Rtc.HOURS_24);
        cmos(machine, RtcRegister.HOURS, 0x12);
    }

    private static void cmos(Exercise machine, RtcRegister register, int value) {
        machine.write(PlatformIdentity.REGION_RTC, 0, 1, register.index);
        machine.write(PlatformIdentity.REGION_RTC, 1, 1, value);
    }

    /** Every command of the controller and of the keyboard, each followed by what a driver reads next. */
    private static void exerciseKeyboard(Exercise machine) {
        for (KbcCommand command : KBC_COMMANDS) {
            machine.write(PlatformIdentity.REGION_KBC_COMMAND, 0, 1, command.first);
            if (command.takesData) {
                machine.write(PlatformIdentity.REGION_KBC_DATA, 0, 1, EXERCISED_COMMAND_BYTE);
            }
            machine.read(PlatformIdentity.REGION_KBC_DATA, 0, 1);
        }
        for (int command = Ps2Keyboard.SET_INDICATORS; command <= Ps2Keyboard.RESET; command++) {
            machine.write(PlatformIdentity.REGION_KBC_DATA, 0, 1, command);
            machine.read(PlatformIdentity.REGION_KBC_COMMAND, 0, 1);
            machine.read(PlatformIdentity.REGION_KBC_DATA, 0, 1);
        }
        machine.write(PlatformIdentity.REGION_KBC_DATA, 0, 1, Ps2Keyboard.SELECT_SCAN_CODES);
        machine.write(PlatformIdentity.REGION_KBC_DATA, 0, 1, 0);
        for (int i = 0; i < LONGEST_ANSWER; i++) {
            machine.read(PlatformIdentity.REGION_KBC_DATA, 0, 1);
        }
    }

    private static void exercisePowerManagement(Exercise machine) {
        int region = PlatformIdentity.REGION_ACPI_PM;
        machine.read(region, AcpiPmBlock.OFFSET_PM_TMR, 4);
        machine.write(region, AcpiPmBlock.OFFSET_PM1_EN, 2, AcpiPmBlock.PWRBTN | AcpiPmBlock.TMR);
        machine.powerButton();
        machine.resample(PlatformIdentity.IRQ_SCI);
        machine.read(region, AcpiPmBlock.OFFSET_PM1_STS, 4);
        machine.write(region, AcpiPmBlock.OFFSET_PM1_STS, 2, 0xFFFF);
        machine.advance(700 * Mc146818Rtc.SECOND_NS);
        machine.write(region, AcpiPmBlock.OFFSET_PM1_STS, 2, 0xFFFF);
        machine.write(region, AcpiPmBlock.OFFSET_PM1_EN, 2, 0);
        machine.read(region, AcpiPmBlock.OFFSET_PM1_CNT, 2);
        machine.write(region, AcpiPmBlock.OFFSET_PM1_CNT, 2, AcpiPmBlock.SLP_EN);
        machine.write(
                region,
                AcpiPmBlock.OFFSET_PM1_CNT,
                2,
                AcpiPmBlock.SLP_EN | AcpiPmBlock.SLEEP_TYPE_S5 << AcpiPmBlock.SLP_TYP_SHIFT);
    }
}
