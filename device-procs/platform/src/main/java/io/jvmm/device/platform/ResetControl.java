package io.jvmm.device.platform;

import io.jvmm.device.api.DeviceEffects;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import org.agrona.concurrent.AtomicBuffer;

/**
 * The reset control register at port CF9, as Intel's south bridges have had it since the PIIX3: bit 1 SYS_RST chooses
 * a hard reset, bit 2 RST_CPU starts the reset when it goes from 0 to 1, bit 3 FULL_RST asks for a power cycle. Every
 * kind resets the whole machine here. ACPI names this port as the FADT's RESET_REG with the value 06.
 */
final class ResetControl {
    static final int SYS_RST = 0x02;
    static final int RST_CPU = 0x04;
    static final int FULL_RST = 0x08;
    static final int WRITABLE = SYS_RST | RST_CPU | FULL_RST;

    private final AtomicBuffer state;
    private final DeviceEffects effects;

    ResetControl(AtomicBuffer state, DeviceEffects effects) {
        this.state = state;
        this.effects = effects;
    }

    /** The register as last written; reserved bits read 0. */
    int read() {
        return state.getByte(PlatformStateLayout.RST_CNT);
    }

    /** Resets the machine when RST_CPU goes from 0 to 1. */
    void write(int value) {
        int before = read();
        state.putByte(PlatformStateLayout.RST_CNT, (byte) (value & WRITABLE));
        if ((value & RST_CPU) != 0 && (before & RST_CPU) == 0) {
            effects.power(PowerAction.RESET, PowerOrigin.CF9);
        }
    }

    /** Power-on and machine reset alike clear it. */
    void reset() {
        state.putByte(PlatformStateLayout.RST_CNT, (byte) 0);
    }
}
