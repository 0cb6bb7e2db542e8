package io.jvmm.device.serial;

import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceEffects;
import io.jvmm.device.api.StateRejectedException;
import java.nio.ByteOrder;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.AtomicBuffer;

/**
 * One to four {@link Uart16550}: region, interrupt line and host port N are port N. Pure.
 *
 * <p>An access wider than a byte becomes byte accesses at rising addresses, as an 8-bit ISA card sees it.
 */
final class SerialCore implements DeviceCore {

    private final Uart16550[] uarts;
    private final UartStateFlyweight[] flyweights;

    /** @throws StateRejectedException when {@code state} is not fresh and cannot be */
    SerialCore(SerialConfig config, AtomicBuffer state, boolean fresh, DeviceEffects effects, long nowNs) {
        int count = config.ports().size();
        if (fresh) {
            state.putInt(SerialStateLayout.PORT_COUNT, count, ByteOrder.LITTLE_ENDIAN);
        } else {
            validate(state, count);
        }
        uarts = new Uart16550[count];
        flyweights = new UartStateFlyweight[count];
        for (int i = 0; i < count; i++) {
            SerialConfig.Port port = config.ports().get(i);
            flyweights[i] = flyweight(state, i);
            uarts[i] = new Uart16550(i, flyweights[i], effects, port.paced(), port.rtsFlowControl());
            if (fresh) {
                uarts[i].powerOn(nowNs);
            }
        }
    }

    private static void validate(AtomicBuffer state, int configured) {
        int count = state.getInt(SerialStateLayout.PORT_COUNT, ByteOrder.LITTLE_ENDIAN);
        if (count != configured) {
            throw new StateRejectedException(
                    "serial state: portCount is " + count + "; the configuration has " + configured);
        }
        for (int i = SerialStateLayout.PORT_COUNT + Integer.BYTES; i < SerialStateLayout.PORTS; i++) {
            if (state.getByte(i) != 0) {
                throw new StateRejectedException("serial state: reserved byte " + i + " is not zero");
            }
        }
        for (int i = 0; i < SerialStateLayout.MAX_PORTS; i++) {
            if (i < count) {
                flyweight(state, i).validate(i);
            } else {
                flyweight(state, i).validateUnused(i);
            }
        }
    }

    private static UartStateFlyweight flyweight(AtomicBuffer state, int port) {
        return new UartStateFlyweight(state, SerialStateLayout.PORTS + port * SerialStateLayout.PORT_BYTES);
    }

    @Override
    public long read(int region, int offset, int widthBytes, long nowNs) {
        if (region >= uarts.length) {
            return -1L; // a port that is not there
        }
        long value = 0;
        for (int i = 0; i < widthBytes; i++) {
            value |= (long) uarts[region].read(offset + i, nowNs) << (8 * i);
        }
        return value;
    }

    @Override
    public void write(int region, int offset, int widthBytes, long value, long nowNs) {
        if (region < uarts.length) {
            for (int i = 0; i < widthBytes; i++) {
                uarts[region].write(offset + i, (int) (value >>> (8 * i)) & 0xFF, nowNs);
            }
        }
    }

    @Override
    public void reset(long nowNs) {
        for (Uart16550 uart : uarts) {
            uart.powerOn(nowNs);
        }
    }

    @Override
    public void resume(long nowNs) {
        for (Uart16550 uart : uarts) {
            uart.resume(nowNs);
        }
    }

    @Override
    public void timer(long nowNs) {
        for (Uart16550 uart : uarts) {
            uart.timer(nowNs);
        }
    }

    @Override
    public long nextDeadlineNs() {
        long deadlineNs = NO_DEADLINE;
        for (Uart16550 uart : uarts) {
            deadlineNs = Math.min(deadlineNs, uart.nextDeadlineNs());
        }
        return deadlineNs;
    }

    @Override
    public int hostInputRoom(int port) {
        return uarts[port].hostInputRoom();
    }

    @Override
    public void hostInput(int port, int value, long nowNs) {
        uarts[port].hostInput(value, nowNs);
    }

    @Override
    public void hostBreak(int port, long nowNs) {
        uarts[port].hostBreak(nowNs);
    }

    @Override
    public void hostCarrier(int port, boolean present, long nowNs) {
        uarts[port].hostCarrier(present, nowNs);
    }

    @Override
    public int hostOutput(int port, MutableDirectBuffer into, int offset, int limitBytes) {
        return uarts[port].hostOutput(into, offset, limitBytes);
    }

    @Override
    public boolean hostOutputUrgent() {
        for (Uart16550 uart : uarts) {
            if (uart.hostOutputUrgent()) {
                return true;
            }
        }
        return false;
    }

    @Override
    public void hostOutputDone(int port, int count, long nowNs) {
        uarts[port].hostOutputDone(count, nowNs);
    }

    @Override
    public long hostInputPosition(int port) {
        return flyweights[port].inPosition();
    }

    @Override
    public long hostOutputPosition(int port) {
        return flyweights[port].outPosition();
    }

    @Override
    public void hostPositions(int port, long input, long output) {
        flyweights[port].positions(input, output);
    }
}
