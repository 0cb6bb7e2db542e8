package io.jvmm.device.serial;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.DeviceCore;
import io.jvmm.device.api.HostStreams;
import io.jvmm.device.api.ScratchMachine;
import io.jvmm.device.api.StateRejectedException;
import io.jvmm.ipc.TestSeed;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The state segment: its layout, what is refused, and that no state whatever can hurt. */
class SerialStateTest {

    private static final SerialConfig ONE_PORT =
            new SerialConfig(List.of(new SerialConfig.Port(HostStreams.Kind.NONE, false, false, true)));

    @Test
    void theLayoutIsAsDrawn() {
        assertEquals(16 + 4 * 128, SerialStateLayout.LENGTH_BYTES);
        assertEquals(16, SerialStateLayout.PORTS);
        assertEquals(24, SerialStateLayout.offset("rxTimeOutNs"));
        assertEquals(40, SerialStateLayout.offset("rcvrFifo"));
        assertEquals(72, SerialStateLayout.offset("xmitFifo"));
        assertEquals(108, SerialStateLayout.offset("txLost"));
        assertEquals(112, SerialStateLayout.POSITIONS);
        assertEquals(120, SerialStateLayout.offset("outPosition"));
    }

    /** Version 1 had zeros in place of the positions; a newer process can write it, too. */
    @Test
    void versionOneIsReadAndWritten() {
        UnsafeBuffer state = fresh();
        SerialDevice device = new SerialDevice();
        UnsafeBuffer migrated = new UnsafeBuffer(new byte[SerialStateLayout.LENGTH_BYTES]);
        device.migrate(key -> Optional.empty(), 1, state, migrated);
        assertEquals(state, migrated);
        DeviceCore core = adopt(migrated);
        core.hostPositions(0, 5, 6);
        assertEquals(5, core.hostInputPosition(0));
        assertEquals(6, core.hostOutputPosition(0));
        assertNotEquals(state, migrated);
        core.reset(0);
        assertEquals(5, core.hostInputPosition(0), "a reset is the guest's");
        core = adopt(migrated);
        assertEquals(6, core.hostOutputPosition(0));
        assertEquals(Optional.of(state), device.export(key -> Optional.empty(), 1, migrated));
        assertEquals(Optional.empty(), device.export(key -> Optional.empty(), 3, migrated));
        assertThrows(StateRejectedException.class, () -> device.migrate(key -> Optional.empty(), 3, state, migrated));
        UnsafeBuffer tooShort = new UnsafeBuffer(new byte[5]);
        assertThrows(
                StateRejectedException.class, () -> device.migrate(key -> Optional.empty(), 1, tooShort, migrated));
        assertThrows(StateRejectedException.class, () -> device.export(key -> Optional.empty(), 1, tooShort));
    }

    @ParameterizedTest(name = "port[0].{0} = {1}")
    @CsvSource({
        "IER,0x10",
        "FCR,0x01FE",
        "FCR,0x80",
        "MCR,0x20",
        "LSR.errors,0x01",
        "thre,2",
        "intr,7",
        "carrier,2",
        "rxHead,16",
        "rxCount,17",
        "txHead,200",
        "txCount,255",
        "rcvrErrors,4",
        "rcvrErrors,0x20"
    })
    void aFieldOutOfItsRangeIsRefusedByName(String field, String value) {
        UnsafeBuffer state = fresh();
        state.putByte(
                SerialStateLayout.PORTS + SerialStateLayout.offset(field),
                Integer.decode(value).byteValue());
        StateRejectedException e = assertThrows(StateRejectedException.class, () -> adopt(state));
        assertTrue(String.valueOf(e.getMessage()).contains("port 0 " + field), e.getMessage());
    }

    @Test
    void moreThanOneCharacterWithoutFifosIsRefused() {
        UnsafeBuffer state = fresh();
        state.putByte(SerialStateLayout.PORTS + SerialStateLayout.offset("rxCount"), (byte) 2);
        assertThrows(StateRejectedException.class, () -> adopt(state));
    }

    @Test
    void aNegativeTimeAnUnconfiguredPortInUseAndAnotherPortCountAreRefused() {
        UnsafeBuffer negative = fresh();
        negative.putLong(
                SerialStateLayout.PORTS + SerialStateLayout.offset("rxTimeOutNs"), -1, ByteOrder.LITTLE_ENDIAN);
        assertThrows(StateRejectedException.class, () -> adopt(negative));
        UnsafeBuffer unconfigured = fresh();
        unconfigured.putByte(SerialStateLayout.PORTS + SerialStateLayout.PORT_BYTES, (byte) 1);
        assertThrows(StateRejectedException.class, () -> adopt(unconfigured));
        UnsafeBuffer more = fresh();
        more.putInt(0, 2, ByteOrder.LITTLE_ENDIAN);
        assertThrows(StateRejectedException.class, () -> adopt(more));
    }

    @Test
    void aDeadlineOfAnotherBootIsNoFurtherOffThanItCouldHaveBeenSet() {
        UartBench bench = new UartBench().configured(0x80);
        bench.out(1, 1);
        bench.receive("a");
        bench.state.putLong(
                SerialStateLayout.PORTS + SerialStateLayout.offset("rxTimeOutNs"),
                Long.MAX_VALUE / 2,
                ByteOrder.LITTLE_ENDIAN);
        bench.killAndAdopt();
        assertTrue(bench.core.nextDeadlineNs() <= 5 * UartBench.CHARACTER_115200_NS);
    }

    /** Random bytes either are refused or make a device that works: no exception, no endless timer. */
    @Test
    void noStateHurts() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        int adopted = 0;
        for (int i = 0; i < 20_000; i++) {
            UnsafeBuffer state = fresh();
            for (int n = random.nextInt(6); n >= 0; n--) {
                state.putByte(SerialStateLayout.PORTS + random.nextInt(112), (byte) random.nextInt());
            }
            DeviceCore core;
            try {
                core = adopt(state);
            } catch (StateRejectedException e) {
                continue;
            }
            adopted++;
            live(core, random);
        }
        assertTrue(adopted > 1_000, adopted + " adopted");
    }

    private static void live(DeviceCore core, Random random) {
        long nowNs = 1_000;
        UnsafeBuffer into = new UnsafeBuffer(new byte[32]);
        for (int i = 0; i < 40; i++) {
            core.write(0, random.nextInt(8), 1, random.nextInt(256), nowNs);
            core.read(0, random.nextInt(8), 1, nowNs);
            if (core.hostInputRoom(0) > 0) {
                core.hostInput(0, random.nextInt(256), nowNs);
            }
            core.hostOutputDone(0, core.hostOutput(0, into, 0, 32), nowNs);
            nowNs += random.nextInt(1_000_000);
            int calls = 0;
            while (core.nextDeadlineNs() <= nowNs) {
                core.timer(nowNs);
                assertTrue(++calls < 64, "the timer does not advance");
            }
        }
    }

    @Test
    void theExerciseRunsAndSurvivesKills() {
        SerialDevice device = new SerialDevice();
        ScratchMachine machine = new ScratchMachine(device, device.exampleConfig());
        device.exercise(machine);
        String first = machine.takeOutput(0);
        assertEquals("abcdefghijklmnop", first);
        machine.killAndAdopt();
        device.exercise(machine);
        assertEquals(first, machine.takeOutput(0));
        assertEquals(first + first, machine.takeOutput(3), "paced, and yet all of it");
    }

    private static UnsafeBuffer fresh() {
        UnsafeBuffer state = new UnsafeBuffer(new byte[SerialStateLayout.LENGTH_BYTES]);
        new SerialCore(ONE_PORT, state, true, new UartBench(), 0);
        return state;
    }

    private static DeviceCore adopt(UnsafeBuffer state) {
        DeviceCore core = new SerialCore(ONE_PORT, state, false, new UartBench(), 1_000);
        core.resume(1_000);
        return core;
    }
}
