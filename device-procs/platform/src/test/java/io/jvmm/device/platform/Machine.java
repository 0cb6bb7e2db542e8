package io.jvmm.device.platform;

import org.agrona.concurrent.UnsafeBuffer;

/** A platform device on a bench: virtual time that a test moves, ports by their PC addresses. */
final class Machine {
    static final long SECOND = Mc146818Rtc.SECOND_NS;
    static final long MS = 1_000_000;
    static final long US = 1_000;

    final UnsafeBuffer state = new UnsafeBuffer(new byte[PlatformStateLayout.LENGTH_BYTES]);
    final RecordedEffects effects = new RecordedEffects();
    final PlatformCore device;
    long now = 5_000_000_123L;

    Machine(long epochSeconds) {
        PlatformConfig config =
                new PlatformConfig(PlatformConfig.RtcStart.FIXED, epochSeconds, 0, true, 512L << 20, 2, false);
        device = new PlatformCore(config, state, effects);
        device.powerOn(epochSeconds, 0, now);
        CmosMemory.describe(state, config.memoryBytes(), config.vcpus());
    }

    /** Moves time and fires timers when they are due, as the runtime does. */
    void pass(long durationNs) {
        long end = now + durationNs;
        for (long due = device.nextDeadlineNs(); due <= end; due = device.nextDeadlineNs()) {
            now = Math.max(now, due);
            device.timer(now);
        }
        now = end;
    }

    /** Moves time without firing timers: nobody looks. */
    void sleep(long durationNs) {
        now += durationNs;
    }

    int cmos(int index) {
        out(0x70, index);
        return in(0x71);
    }

    void cmos(int index, int value) {
        out(0x70, index);
        out(0x71, value);
    }

    int in(int port) {
        return (int) read(port, 1);
    }

    void out(int port, int value) {
        write(port, 1, value);
    }

    long read(int port, int widthBytes) {
        return device.read(region(port), port - base(port), widthBytes, now);
    }

    void write(int port, int widthBytes, long value) {
        device.write(region(port), port - base(port), widthBytes, value, now);
    }

    private static int region(int port) {
        return switch (port) {
            case 0x70, 0x71 -> PlatformIdentity.REGION_RTC;
            case 0x60 -> PlatformIdentity.REGION_KBC_DATA;
            case 0x64 -> PlatformIdentity.REGION_KBC_COMMAND;
            case 0xCF9 -> PlatformIdentity.REGION_RESET;
            case 0x402 -> PlatformIdentity.REGION_DEBUG_402;
            case 0xE9 -> PlatformIdentity.REGION_DEBUG_E9;
            default -> PlatformIdentity.REGION_ACPI_PM;
        };
    }

    private static int base(int port) {
        return switch (port) {
            case 0x70, 0x71 -> 0x70;
            case 0x60, 0x64, 0xCF9, 0x402, 0xE9 -> port;
            default -> 0x600;
        };
    }
}
