package io.jvmm.ipc.message;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.ring.Violation.Kind;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a receiver makes of hand-written bytes: the fields of good messages, the violation of bad ones. */
class AdapterTest {
    private static final int REPLY_SLOTS = 4;

    private final UnsafeBuffer ring = new UnsafeBuffer(ByteBuffer.allocateDirect(4096 + 768));
    private final List<String> delivered = new ArrayList<>();

    private HardenedReader readerOf(int type, String hex) {
        byte[] message =
                hex.isBlank() ? new byte[0] : HexFormat.ofDelimiter(" ").parseHex(hex);
        ring.setMemory(0, ring.capacity(), (byte) 0);
        ring.putInt(4, type);
        ring.putBytes(8, message);
        ring.putInt(0, 8 + message.length);
        ring.putLong(4096 + 128, (8 + message.length + 7) & ~7);
        return new HardenedReader(ring, 512, 0);
    }

    /** A handler that writes down what it is called with. */
    private <T> T recorder(Class<T> handler) {
        return handler.cast(Proxy.newProxyInstance(
                handler.getClassLoader(), new Class<?>[] {handler}, (self, method, arguments) -> {
                    delivered.add(method.getName() + " "
                            + String.join(
                                    " ",
                                    Arrays.stream(arguments)
                                            .map(a -> a instanceof byte[] bytes
                                                    ? HexFormat.of().formatHex(bytes)
                                                    : String.valueOf(a))
                                            .toList()));
                    return null;
                }));
    }

    private static void assertSevered(Kind kind, HardenedReader reader) {
        Violation violation = reader.violation();
        assertNotNull(violation);
        assertEquals(kind, violation.kind());
        assertFalse(reader.next());
    }

    @Test
    void deviceRequestFields() {
        HardenedReader reader = readerOf(1, "03 00 00 00 ff 00 00 00 88 77 66 55 44 33 22 11 ff ff ff 7f 08 00 00 00");
        DeviceRequestAdapter adapter = new DeviceRequestAdapter(reader, REPLY_SLOTS);
        assertTrue(adapter.next());
        assertEquals(DeviceRequestType.READ, adapter.type());
        assertEquals(3, adapter.vcpu());
        assertEquals(255, adapter.region());
        assertEquals(0x1122334455667788L, adapter.sequence());
        assertEquals(Integer.MAX_VALUE, adapter.offset());
        assertEquals(8, adapter.widthBytes());
    }

    @ParameterizedTest
    @CsvSource({
        "5, 00 00 00 00 00 00 00 00, UNKNOWN_MESSAGE",
        "2147483647, 00 00 00 00 00 00 00 00, UNKNOWN_MESSAGE",
        "1, 00 00 00 00 00 00 00 00, MESSAGE_LENGTH",
        "3, 00 00 00 00, MESSAGE_LENGTH",
        "4, 00 00 00 00 00 00 00 00 00, MESSAGE_LENGTH",
        "3, '', MESSAGE_LENGTH",
        // vcpu 4 of 4, vcpu −1
        "3, 04 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "4, ff ff ff ff 00 00 00 00, MESSAGE_FIELD",
        // queue 65536
        "3, 00 00 00 00 00 00 01 00, MESSAGE_FIELD",
        // region 256, region −1
        "1, 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00, MESSAGE_FIELD",
        "2, 00 00 00 00 ff ff ff ff 00 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00, MESSAGE_FIELD",
        // offset 2^31
        "1, 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 80 01 00 00 00, MESSAGE_FIELD",
        // widths 0, 3, 16, −1
        "1, 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "1, 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 03 00 00 00, MESSAGE_FIELD",
        "2, 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 10 00 00 00, MESSAGE_FIELD",
        "2, 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 ff ff ff ff, MESSAGE_FIELD"
    })
    void badDeviceRequests(int type, String hex, Kind kind) {
        HardenedReader reader = readerOf(type, hex);
        assertFalse(new DeviceRequestAdapter(reader, REPLY_SLOTS).next());
        assertSevered(kind, reader);
    }

    @ParameterizedTest
    @CsvSource({
        "2, 02 00 00 00 ff ff ff ff, configChanged 2 -1",
        "3, 03 00 00 00 08 00 00 00, needsReset 3 8",
        "4, 05 00 00 00 ff ff ff ff 08 07 06 05 04 03 02 01, guestError 5 72623859790382856",
        "5, 01 00 00 00 02 00 00 00, power POWER_OFF I8042",
        "5, 02 00 00 00 01 00 00 00, power RESET ACPI"
    })
    void deviceEvents(int type, String hex, String expected) {
        HardenedReader reader = readerOf(type, hex);
        assertEquals(1, new DeviceEventAdapter(reader).poll(recorder(DeviceEventHandler.class), 5));
        assertEquals(List.of(expected), delivered);
        assertNull(reader.violation());
    }

    @ParameterizedTest
    @CsvSource({
        "8, 00 00 00 00 00 00 00 00, UNKNOWN_MESSAGE",
        "1, 00 00 00 00 00 00 00 00, UNKNOWN_MESSAGE",
        "2, 00 00 00 00 00 00 00, MESSAGE_LENGTH",
        "4, 00 00 00 00 00 00 00 00, MESSAGE_LENGTH",
        "2, 00 01 00 00 00 00 00 00, MESSAGE_FIELD",
        "3, ff ff ff ff 00 00 00 00, MESSAGE_FIELD",
        "5, 00 00 00 00 01 00 00 00, MESSAGE_FIELD",
        "5, 03 00 00 00 01 00 00 00, MESSAGE_FIELD",
        "5, 01 00 00 00 04 00 00 00, MESSAGE_FIELD",
        "6, 00 00 00 00 00 00 00 00, MESSAGE_LENGTH",
        "7, 00 00 00 00 00 00 00 00, MESSAGE_LENGTH",
        // PCI_FUNCTION: function, vendor, vectors, queues, BAR, doorbells
        "6, 00 01 00 00 f4 1a 42 10 f4 1a 43 10 01 00 00 01 05 00 00 00 04 00 00 00 00 40 00 00 00 30 00 00 04 00 00 00 00 10 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "6, 02 00 00 00 ff ff 00 00 f4 1a 43 10 01 00 00 01 05 00 00 00 04 00 00 00 00 40 00 00 00 30 00 00 04 00 00 00 00 10 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "6, 02 00 00 00 f4 1a 42 10 f4 1a 43 10 01 00 00 01 00 00 00 00 04 00 00 00 00 40 00 00 00 30 00 00 04 00 00 00 00 10 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "6, 02 00 00 00 f4 1a 42 10 f4 1a 43 10 01 00 00 01 01 08 00 00 04 00 00 00 00 40 00 00 00 30 00 00 04 00 00 00 00 10 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "6, 02 00 00 00 f4 1a 42 10 f4 1a 43 10 01 00 00 01 05 00 00 00 01 01 00 00 00 40 00 00 00 30 00 00 04 00 00 00 00 10 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "6, 02 00 00 00 f4 1a 42 10 f4 1a 43 10 01 00 00 01 05 00 00 00 ff ff ff ff 00 40 00 00 00 30 00 00 04 00 00 00 00 10 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "6, 02 00 00 00 f4 1a 42 10 f4 1a 43 10 01 00 00 01 05 00 00 00 04 00 00 00 00 08 00 00 00 30 00 00 04 00 00 00 00 10 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "6, 02 00 00 00 f4 1a 42 10 f4 1a 43 10 01 00 00 01 05 00 00 00 04 00 00 00 01 40 00 00 00 30 00 00 04 00 00 00 00 10 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "6, 02 00 00 00 f4 1a 42 10 f4 1a 43 10 01 00 00 01 05 00 00 00 04 00 00 00 00 00 00 02 00 30 00 00 04 00 00 00 00 10 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "6, 02 00 00 00 f4 1a 42 10 f4 1a 43 10 01 00 00 01 05 00 00 00 04 00 00 00 00 40 00 00 01 40 00 00 04 00 00 00 00 10 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "6, 02 00 00 00 f4 1a 42 10 f4 1a 43 10 01 00 00 01 05 00 00 00 04 00 00 00 00 40 00 00 ff ff ff ff 04 00 00 00 00 10 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "6, 02 00 00 00 f4 1a 42 10 f4 1a 43 10 01 00 00 01 05 00 00 00 04 00 00 00 00 40 00 00 00 30 00 00 03 00 00 00 00 10 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "6, 02 00 00 00 f4 1a 42 10 f4 1a 43 10 01 00 00 01 05 00 00 00 04 00 00 00 00 40 00 00 00 30 00 00 01 00 00 00 00 10 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "6, 02 00 00 00 f4 1a 42 10 f4 1a 43 10 01 00 00 01 05 00 00 00 04 00 00 00 00 40 00 00 00 30 00 00 04 00 00 00 01 10 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "6, 02 00 00 00 f4 1a 42 10 f4 1a 43 10 01 00 00 01 05 00 00 00 04 00 00 00 00 40 00 00 00 30 00 00 04 00 00 00 0d 00 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        // PCI_CAPABILITY: function, length
        "7, 00 01 00 00 10 00 00 00 09 00 10 01 00 00 00 00 00 10 00 00 38 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "7, 02 00 00 00 00 00 00 00 09 00 10 01 00 00 00 00 00 10 00 00 38 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "7, 02 00 00 00 0e 00 00 00 09 00 10 01 00 00 00 00 00 10 00 00 38 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "7, 02 00 00 00 24 00 00 00 09 00 10 01 00 00 00 00 00 10 00 00 38 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "7, 02 00 00 00 f0 ff ff ff 09 00 10 01 00 00 00 00 00 10 00 00 38 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00, MESSAGE_FIELD"
    })
    void badDeviceEvents(int type, String hex, Kind kind) {
        HardenedReader reader = readerOf(type, hex);
        assertEquals(0, new DeviceEventAdapter(reader).poll(recorder(DeviceEventHandler.class), 5));
        assertEquals(List.of(), delivered);
        assertSevered(kind, reader);
    }

    @ParameterizedTest
    @CsvSource({
        "0, 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00, RECORD_TYPE",
        "13, 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00, UNKNOWN_MESSAGE",
        "1, 00 00 00 00 00 00 00 00, MESSAGE_LENGTH"
    })
    void badSupervisorRequests(int type, String hex, Kind kind) {
        HardenedReader reader = readerOf(type, hex);
        assertFalse(new SupervisorRequestAdapter(reader).next());
        assertSevered(kind, reader);
    }

    @Test
    void supervisorRequestFields() {
        HardenedReader reader = readerOf(7, "50 00 00 00 19 00 00 00 ff ff ff ff ff ff ff ff");
        SupervisorRequestAdapter adapter = new SupervisorRequestAdapter(reader);
        assertTrue(adapter.next());
        assertEquals(SupervisorRequestType.RESIZE, adapter.type());
        assertEquals(25L << 32 | 80, adapter.argument());
        assertEquals(-1, adapter.detail());
    }

    @ParameterizedTest
    @CsvSource({
        "2, 05 00 00 00 16 00 00 00, ack STOP 22",
        "3, 02 00 00 00 04 00 00 00 c3 a4 21 0a, log WARN ä!?",
        "3, 63 00 00 00 02 00 00 00 1b 5b, log DEBUG ?[",
        "3, 01 00 00 00 03 00 00 00 ff fe 41, log ERROR \ufffd\ufffdA",
        "3, 01 00 00 00 03 00 00 00 e2 80 ae, log ERROR ?", // right-to-left override
        "4, 09 00 00 00 00 00 00 00 ff ff ff ff ff ff ff 7f, counter 9 9223372036854775807",
        "5, 04 00 00 00 01 00 00 00 10 00 00 00 00 00 00 00 2a 00 00 00 00 00 00 00, guestStopped ENGINE_ERROR 1 16 42",
        "6, 02 00 00 00 00 00 00 00 00 ca 9a 3b 00 00 00 00, deviceHung 2 1000000000",
        "8, 03 00 00 00 01 00 00 00, escape 3 1",
        "9, 08 07 06 05 04 03 02 01, firstInstruction 72623859790382856",
        "10, 03 00 00 00 20 00 00 00, backendLost 3 32",
        "11, 01 00 00 00 00 00 00 00, 'engine KVM '",
        "11, 02 00 00 00 03 00 00 00 6e 6f 07, engine X86 no?",
        "12, 02 00 00 00 05 00 00 00 40 4b 4c 00 00 00 00 00, deviceStall 2 5 5000000"
    })
    void supervisorEvents(int type, String hex, String expected) {
        HardenedReader reader = readerOf(type, hex);
        assertEquals(1, new SupervisorEventAdapter(reader).poll(recorder(SupervisorEventHandler.class), 5));
        assertEquals(List.of(expected), delivered);
        assertNull(reader.violation());
    }

    @Test
    void readyAndPeerViolation() {
        HardenedReader reader = readerOf(1, "15 cd 5b 07 00 00 00 00" + " e0".repeat(32) + " 0b 00 00 00 00 00 00 00");
        new SupervisorEventAdapter(reader).poll(recorder(SupervisorEventHandler.class), 5);
        assertEquals(List.of("ready 123456789 " + "e0".repeat(32) + " 11"), delivered);
        delivered.clear();
        reader = readerOf(7, "01 00 00 00 02 00 00 00 40 00 00 00 00 00 00 00" + " ab".repeat(64));
        new SupervisorEventAdapter(reader).poll(recorder(SupervisorEventHandler.class), 5);
        assertEquals(List.of("peerViolation 1 RECORD_TYPE at ring position 64: ab" + " ab".repeat(63)), delivered);
    }

    @ParameterizedTest
    @CsvSource({
        "13, 00 00 00 00 00 00 00 00, UNKNOWN_MESSAGE",
        "11, 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "11, 03 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "11, 02 00 00 00 01 00 00 00, MESSAGE_FIELD",
        "11, 02 00 00 00 ff ff ff ff, MESSAGE_FIELD",
        "11, 02 00 00 00, MESSAGE_LENGTH",
        "12, 02 00 00 00 05 00 00 00, MESSAGE_LENGTH",
        "1, 00 00 00 00 00 00 00 00, MESSAGE_LENGTH",
        "3, 00 00 00 00, MESSAGE_LENGTH",
        "2, 00 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "2, 0d 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "3, 01 00 00 00 05 00 00 00 41 41 41 41, MESSAGE_FIELD",
        "3, 01 00 00 00 ff ff ff ff, MESSAGE_FIELD",
        "3, 01 00 00 00 ff ff ff 7f, MESSAGE_FIELD",
        "5, 00 00 00 00 01 00 00 00 10 00 00 00 00 00 00 00 2a 00 00 00 00 00 00 00, MESSAGE_FIELD",
        "5, 05 00 00 00 01 00 00 00 10 00 00 00 00 00 00 00 2a 00 00 00 00 00 00 00, MESSAGE_FIELD"
    })
    void badSupervisorEvents(int type, String hex, Kind kind) {
        HardenedReader reader = readerOf(type, hex);
        assertEquals(0, new SupervisorEventAdapter(reader).poll(recorder(SupervisorEventHandler.class), 5));
        assertEquals(List.of(), delivered);
        assertSevered(kind, reader);
    }

    @Test
    void aLogTextHasAnUpperLimit() {
        HardenedReader reader = readerOf(3, "01 00 00 00 e0 01 00 00" + " 41".repeat(480));
        assertEquals(1, new SupervisorEventAdapter(reader).poll(recorder(SupervisorEventHandler.class), 5));
        delivered.clear();
        reader = readerOf(3, "01 00 00 00 e1 01 00 00" + " 41".repeat(481));
        assertEquals(0, new SupervisorEventAdapter(reader).poll(recorder(SupervisorEventHandler.class), 5));
        assertSevered(Kind.MESSAGE_LENGTH, reader);
    }

    /** Whatever the bytes: delivered within the documented ranges, or severed. Nothing is thrown. */
    @Test
    void randomMessagesAreDeliveredOrSeverNeverThrown() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        DeviceEventHandler deviceEvents = recorder(DeviceEventHandler.class);
        SupervisorEventHandler supervisorEvents = recorder(SupervisorEventHandler.class);
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = new byte[8 * random.nextInt(12)];
            random.nextBytes(bytes);
            for (int j = 0; j < bytes.length; j += 4) {
                if (random.nextInt(3) > 0) {
                    bytes[j + 1] = 0;
                    bytes[j + 2] = 0;
                    bytes[j + 3] = 0;
                }
            }
            String hex = HexFormat.ofDelimiter(" ").formatHex(bytes);
            int type = 1 + random.nextInt(13);
            DeviceRequestAdapter requests = new DeviceRequestAdapter(readerOf(type, hex), REPLY_SLOTS);
            if (requests.next()) {
                assertTrue(requests.vcpu() >= 0 && requests.vcpu() < REPLY_SLOTS);
            }
            new DeviceEventAdapter(readerOf(type, hex)).poll(deviceEvents, 2);
            new SupervisorEventAdapter(readerOf(type, hex)).poll(supervisorEvents, 2);
            new SupervisorRequestAdapter(readerOf(type, hex)).next();
            delivered.clear();
        }
    }
}
