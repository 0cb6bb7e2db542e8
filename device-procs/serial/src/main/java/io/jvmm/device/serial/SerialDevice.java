package io.jvmm.device.serial;

import io.jvmm.device.api.Backend;
import io.jvmm.device.api.Descriptors;
import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.DeviceEffects;
import io.jvmm.device.api.DeviceFactory;
import io.jvmm.device.api.DeviceIdentity;
import io.jvmm.device.api.DeviceIdentity.Interrupt;
import io.jvmm.device.api.DeviceIdentity.Region;
import io.jvmm.device.api.Exercise;
import io.jvmm.device.api.HostEvents;
import io.jvmm.device.api.HostStreams;
import io.jvmm.device.api.SocketExercise;
import io.jvmm.device.api.StateRejectedException;
import io.jvmm.ipc.state.StateFormats;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** What the serial device is, and how to make one. */
public final class SerialDevice implements DeviceFactory {

    /** COM1 to COM4 where a PC has them; COM1 and COM3 share an interrupt, as do COM2 and COM4. */
    public static final DeviceIdentity IDENTITY = new DeviceIdentity(
            "serial",
            0x5345_5249, // "SERI"
            SerialStateLayout.VERSION,
            SerialStateLayout.STATE_V2,
            List.of(
                    new Region("COM1", 0x3F8, UartRegister.WINDOW_BYTES),
                    new Region("COM2", 0x2F8, UartRegister.WINDOW_BYTES),
                    new Region("COM3", 0x3E8, UartRegister.WINDOW_BYTES),
                    new Region("COM4", 0x2E8, UartRegister.WINDOW_BYTES)),
            List.of(
                    new Interrupt("COM1", 4, false),
                    new Interrupt("COM2", 3, false),
                    new Interrupt("COM3", 4, false),
                    new Interrupt("COM4", 3, false)),
            SerialStateLayout.MAX_PORTS);

    private static final Map<String, String> EXAMPLE = Map.of("ports", "4", "port.3.pace", "baud");

    @Override
    public DeviceIdentity identity() {
        return IDENTITY;
    }

    @Override
    public StateFormats stateFormats() {
        return SerialFormats.state();
    }

    @Override
    public List<String> stateParts(DeviceConfig config) {
        return IntStream.range(0, SerialConfig.from(config).ports().size())
                .mapToObj(port -> "port[" + port + "]")
                .toList();
    }

    @Override
    public DeviceCore create(
            DeviceConfig config, AtomicBuffer state, boolean fresh, DeviceEffects effects, long nowNs) {
        return new SerialCore(SerialConfig.from(config), state, fresh, effects, nowNs);
    }

    @Override
    public List<Backend> backends(DeviceConfig config, Descriptors descriptors, DeviceCore core, HostEvents events) {
        HostStreams streams = new HostStreams(descriptors, core, events);
        List<SerialConfig.Port> ports = SerialConfig.from(config).ports();
        List<Backend> backends = new ArrayList<>();
        for (int port = 0; port < ports.size(); port++) {
            SerialConfig.Port its = ports.get(port);
            backends.add(streams.open(port, its.backend(), its.escape(), "backend." + port + "."));
        }
        return backends;
    }

    /** Version 1 knew nothing of the streams' positions: they begin anew. */
    @Override
    public void migrate(DeviceConfig config, int oldVersion, DirectBuffer old, MutableDirectBuffer state) {
        if (oldVersion != SerialStateLayout.VERSION_WITHOUT_POSITIONS || old.capacity() != state.capacity()) {
            DeviceFactory.super.migrate(config, oldVersion, old, state);
        }
        state.putBytes(0, old, 0, old.capacity());
        forgetPositions(state);
    }

    @Override
    public Optional<DirectBuffer> export(DeviceConfig config, int version, DirectBuffer state) {
        if (version != SerialStateLayout.VERSION_WITHOUT_POSITIONS) {
            return Optional.empty();
        }
        if (state.capacity() != SerialStateLayout.LENGTH_BYTES) {
            throw new StateRejectedException("a serial state of " + state.capacity() + " bytes");
        }
        UnsafeBuffer older = new UnsafeBuffer(new byte[state.capacity()]);
        older.putBytes(0, state, 0, state.capacity());
        forgetPositions(older);
        return Optional.of(older);
    }

    private static void forgetPositions(MutableDirectBuffer state) {
        for (int port = 0; port < SerialStateLayout.MAX_PORTS; port++) {
            int at = SerialStateLayout.PORTS + port * SerialStateLayout.PORT_BYTES + SerialStateLayout.POSITIONS;
            state.setMemory(at, 2 * Long.BYTES, (byte) 0);
        }
    }

    @Override
    public DeviceConfig exampleConfig() {
        return key -> Optional.ofNullable(EXAMPLE.get(key));
    }

    /** A driver's life: detect, set 115200 8N1, send, receive by trigger level and by time-out, modem lines, loop-back. */
    @Override
    public void exercise(Exercise machine) {
        SocketExercise.run();
        for (int port = 0; port < SerialStateLayout.MAX_PORTS; port++) {
            machine.write(port, 3, 1, 0x80);
            machine.write(port, 0, 1, 0x01);
            machine.write(port, 1, 1, 0x00);
            machine.write(port, 3, 1, 0x03);
            machine.write(port, 2, 1, 0x87);
            machine.write(port, 4, 1, 0x0B);
            machine.write(port, 1, 1, 0x0F);
            for (int i = 0; i < 16; i++) {
                machine.write(port, 0, 1, 'a' + i);
            }
            machine.advance(10_000_000);
            machine.read(port, 2, 1);
            machine.hostInput(port, "0123456789");
            drain(machine, port, 10);
            machine.hostInput(port, "t");
            machine.advance(1_000_000);
            drain(machine, port, 1);
            machine.read(port, 6, 1);
            machine.write(port, 7, 1, 0x5A);
            machine.read(port, 7, 1);
            machine.write(port, 4, 1, 0x1F);
            machine.write(port, 0, 1, 'l');
            machine.advance(1_000_000);
            drain(machine, port, 1);
            machine.write(port, 4, 1, 0x0B);
            machine.write(port, 1, 1, 0x00);
        }
    }

    private static void drain(Exercise machine, int port, int count) {
        for (int i = 0; i < count; i++) {
            machine.read(port, 2, 1);
            machine.read(port, 5, 1);
            machine.read(port, 0, 1);
        }
    }
}
