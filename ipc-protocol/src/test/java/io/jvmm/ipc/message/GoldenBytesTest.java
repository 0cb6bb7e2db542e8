package io.jvmm.ipc.message;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.ring.GuardedProducer;
import io.jvmm.ipc.ring.HardenedReader;
import io.jvmm.ipc.ring.Violation;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.function.Predicate;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/**
 * Every message as bytes, written by hand from PROTOCOL.md, "Messages": the proxies write exactly these. The adapters
 * read them back in {@link AdapterTest}. Each starts with the record header: length and type.
 */
class GoldenBytesTest {
    private final UnsafeBuffer ring = new UnsafeBuffer(ByteBuffer.allocateDirect(4096 + 768));
    private final GuardedProducer producer = new GuardedProducer(ring);
    private final HardenedReader reader = new HardenedReader(ring, 512, 0);

    /** Sends, compares what is on the ring with {@code hex}, empties the ring. */
    private void expect(String hex, Predicate<GuardedProducer> send) {
        int index = (int) reader.expectedPosition() & 4095;
        assertTrue(send.test(producer));
        String wanted = hex.strip().replaceAll("\\s+", " ");
        byte[] found = new byte[(wanted.length() + 1) / 3];
        ring.getBytes(index, found);
        assertEquals(wanted, HexFormat.ofDelimiter(" ").formatHex(found));
        assertTrue(reader.next());
        assertEquals(found.length, reader.length() + 8);
        reader.release();
    }

    @Test
    void deviceRequests() {
        expect("""
                20 00 00 00 01 00 00 00
                03 00 00 00 02 00 00 00 88 77 66 55 44 33 22 11 f8 03 00 00 04 00 00 00
                """, p -> new DeviceRequestProxy(p).read(3, 2, 0x1122334455667788L, 0x3f8, 4));
        expect("""
                20 00 00 00 02 00 00 00
                01 00 00 00 ff 00 00 00 fe ff ff ff ff ff ff ff 00 00 00 01 08 00 00 00
                """, p -> new DeviceRequestProxy(p).write(1, 255, -2, 0x0100_0000, 8));
        expect("10 00 00 00 03 00 00 00 05 00 00 00 34 12 00 00", p -> new DeviceRequestProxy(p).kick(5, 0x1234));
        expect("10 00 00 00 04 00 00 00 06 00 00 00 00 00 00 00", p -> new DeviceRequestProxy(p).reset(6));
    }

    @Test
    void deviceEvents() {
        expect("10 00 00 00 02 00 00 00 02 00 00 00 07 00 00 00", p -> new DeviceEventProxy(p).configChanged(2, 7));
        expect("10 00 00 00 03 00 00 00 03 00 00 00 08 00 00 00", p -> new DeviceEventProxy(p).needsReset(3, 8));
        expect(
                "18 00 00 00 04 00 00 00 05 00 00 00 00 00 00 00 08 07 06 05 04 03 02 01",
                p -> new DeviceEventProxy(p).guestError(5, 0x0102030405060708L));
        expect(
                "10 00 00 00 05 00 00 00 01 00 00 00 01 00 00 00",
                p -> new DeviceEventProxy(p).power(PowerAction.POWER_OFF, PowerOrigin.ACPI));
        expect(
                "10 00 00 00 05 00 00 00 02 00 00 00 03 00 00 00",
                p -> new DeviceEventProxy(p).power(PowerAction.RESET, PowerOrigin.CF9));
        expect(
                "10 00 00 00 05 00 00 00 02 00 00 00 02 00 00 00",
                p -> new DeviceEventProxy(p).power(PowerAction.RESET, PowerOrigin.I8042));
        expect(
                """
                38 00 00 00 06 00 00 00
                02 00 00 00 f4 1a 42 10 f4 1a 43 10 01 00 00 01 05 00 00 00 04 00 00 00
                00 40 00 00 00 30 00 00 04 00 00 00 00 10 00 00 00 00 00 00 00 00 00 00
                """,
                p -> new DeviceEventProxy(p)
                        .pciFunction(new PciFunction(
                                2, 0x1af4, 0x1042, 0x1af4, 0x1043, 0x010000, 1, 5, 4, 0x4000, 0x3000, 4, 0x1000)));
        expect(
                """
                30 00 00 00 07 00 00 00
                02 00 00 00 10 00 00 00 09 00 10 01 00 00 00 00 00 10 00 00 38 00 00 00
                00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
                """,
                p -> new DeviceEventProxy(p)
                        .pciCapability(2, new byte[] {9, 0, 16, 1, 0, 0, 0, 0, 0, 16, 0, 0, 56, 0, 0, 0}));
    }

    @Test
    void supervisorRequests() {
        String[] numbers = {"01", "02", "03", "04", "05", "06"};
        SupervisorRequestType[] types = {
            SupervisorRequestType.START,
            SupervisorRequestType.PAUSE,
            SupervisorRequestType.RESUME,
            SupervisorRequestType.DRAIN,
            SupervisorRequestType.STOP,
            SupervisorRequestType.POWER_BUTTON
        };
        for (int i = 0; i < types.length; i++) {
            SupervisorRequestType type = types[i];
            expect(
                    "18 00 00 00 " + numbers[i] + " 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
                    p -> new SupervisorRequestProxy(p).send(type, 0, 0));
        }
        expect( // 80 columns, 25 rows
                "18 00 00 00 07 00 00 00 50 00 00 00 19 00 00 00 00 00 00 00 00 00 00 00",
                p -> new SupervisorRequestProxy(p).send(SupervisorRequestType.RESIZE, 25L << 32 | 80, 0));
        expect( // 6 GiB
                "18 00 00 00 08 00 00 00 00 00 00 80 01 00 00 00 00 00 00 00 00 00 00 00",
                p -> new SupervisorRequestProxy(p).send(SupervisorRequestType.BALLOON, 6L << 30, 0));
        expect( // device 3, link renewed, at 123456789 ns
                "18 00 00 00 09 00 00 00 03 00 00 00 01 00 00 00 15 cd 5b 07 00 00 00 00",
                p -> new SupervisorRequestProxy(p)
                        .send(
                                SupervisorRequestType.DEVICE_AWAY,
                                SupervisorRequestLayout.away(3, SupervisorRequestLayout.AWAY_LINK_RENEWED),
                                123456789));
        expect(
                "18 00 00 00 0a 00 00 00 03 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
                p -> new SupervisorRequestProxy(p).send(SupervisorRequestType.DEVICE_BACK, 3, 0));
        expect(
                "18 00 00 00 0b 00 00 00 03 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
                p -> new SupervisorRequestProxy(p).send(SupervisorRequestType.DEVICE_BROKEN, 3, 0));
        expect(
                "18 00 00 00 0c 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00",
                p -> new SupervisorRequestProxy(p).send(SupervisorRequestType.PING, 0, 0));
    }

    @Test
    void supervisorEvents() {
        byte[] hash = new byte[32];
        for (int i = 0; i < 32; i++) {
            hash[i] = (byte) (0xe0 + i);
        }
        expect("""
                38 00 00 00 01 00 00 00
                15 cd 5b 07 00 00 00 00
                e0 e1 e2 e3 e4 e5 e6 e7 e8 e9 ea eb ec ed ee ef f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 fa fb fc fd fe ff
                0b 00 00 00 00 00 00 00
                """, p -> new SupervisorEventProxy(p).ready(123456789, hash, 11));
        expect(
                "10 00 00 00 02 00 00 00 05 00 00 00 16 00 00 00",
                p -> new SupervisorEventProxy(p).ack(SupervisorRequestType.STOP, 22));
        expect(
                "14 00 00 00 03 00 00 00 02 00 00 00 04 00 00 00 c3 a4 21 0a",
                p -> new SupervisorEventProxy(p).log(LogLevel.WARN, "ä!\n".getBytes(StandardCharsets.UTF_8), 4));
        expect(
                "18 00 00 00 04 00 00 00 09 00 00 00 00 00 00 00 ff ff ff ff ff ff ff 7f",
                p -> new SupervisorEventProxy(p).counter(9, Long.MAX_VALUE));
        expect("""
                20 00 00 00 05 00 00 00
                03 00 00 00 01 00 00 00 00 00 00 81 ff ff ff ff 2a 00 00 00 00 00 00 00
                """, p -> new SupervisorEventProxy(p).guestStopped(StopCause.CRASHED, 1, 0xffffffff81000000L, 42));
        expect(
                "18 00 00 00 06 00 00 00 02 00 00 00 00 00 00 00 00 ca 9a 3b 00 00 00 00",
                p -> new SupervisorEventProxy(p).deviceHung(2, 1_000_000_000));
        expect(
                "58 00 00 00 07 00 00 00 01 00 00 00 02 00 00 00 40 00 00 00 00 00 00 00 aa bb cc" + " 00".repeat(61),
                p -> new SupervisorEventProxy(p)
                        .peerViolation(1, new Violation(Violation.Kind.RECORD_TYPE, 64, new byte[] {
                            (byte) 0xaa, (byte) 0xbb, (byte) 0xcc
                        })));
        expect("10 00 00 00 08 00 00 00 03 00 00 00 01 00 00 00", p -> new SupervisorEventProxy(p).escape(3, 1));
        expect(
                "10 00 00 00 09 00 00 00 08 07 06 05 04 03 02 01",
                p -> new SupervisorEventProxy(p).firstInstruction(0x0102030405060708L));
        expect("10 00 00 00 0a 00 00 00 03 00 00 00 20 00 00 00", p -> new SupervisorEventProxy(p).backendLost(3, 32));
        expect(
                "13 00 00 00 0b 00 00 00 02 00 00 00 03 00 00 00 c3 a4 21",
                p -> new SupervisorEventProxy(p).engine(EngineKind.X86, "ä!".getBytes(StandardCharsets.UTF_8), 3));
        expect(
                "18 00 00 00 0c 00 00 00 02 00 00 00 05 00 00 00 40 4b 4c 00 00 00 00 00",
                p -> new SupervisorEventProxy(p).deviceStall(2, 5, 5_000_000));
    }

    @Test
    void violationKindsKeepTheirNumbers() {
        int number = 0;
        for (Violation.Kind kind : new Violation.Kind[] {
            Violation.Kind.RECORD_LENGTH,
            Violation.Kind.RECORD_TYPE,
            Violation.Kind.PADDING,
            Violation.Kind.UNKNOWN_MESSAGE,
            Violation.Kind.MESSAGE_LENGTH,
            Violation.Kind.MESSAGE_FIELD,
            Violation.Kind.RING_POSITION,
            Violation.Kind.PRODUCER_RING
        }) {
            assertEquals(++number, kind.number());
            assertEquals(kind, Violation.Kind.of(number));
        }
        assertEquals(number, Violation.Kind.values().length);
    }
}
