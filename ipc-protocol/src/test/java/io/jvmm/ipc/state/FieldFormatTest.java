package io.jvmm.ipc.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.state.FieldFormat.Part;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** Values as their specifications write them; expected texts are those of data sheets and of the virtio specification. */
class FieldFormatTest {
    /** PC16550D §8.1: word length in bits 0 and 1, and so on. */
    private static final FieldFormat LCR = FieldFormat.register(
            Part.of(0x03, "5BITS", "6BITS", "7BITS", "8BITS"),
            Part.of(0x04, "", "STB"),
            Part.of(0x08, "", "PEN"),
            Part.of(0x80, "", "DLAB"));

    @Test
    void registersNameTheirBits() {
        FieldFormat lsr = FieldFormat.flags("DR", "OE", "PE", "FE", "BI", "THRE", "TEMT", "FIFOERR");
        assertEquals("0x60 THRE|TEMT", lsr.text(0x60, 1));
        assertEquals("0x00", lsr.text(0, 1));
        assertEquals("0x1b 8BITS|PEN|0x10", LCR.text(0x1b, 1));
        assertEquals("0x80 5BITS|DLAB", LCR.text(0x80, 1));
        FieldFormat features = FieldFormat.flags(Map.of(32, "VERSION_1", 5, "MAC", 63, "SPEED_DUPLEX"));
        assertEquals("0x8000000100000020 MAC|VERSION_1|SPEED_DUPLEX", features.text(0x8000_0001_0000_0020L, 8));
        assertEquals("0x0000000000000001", features.text(1, 8));
    }

    @Test
    void valuesHaveUnitsAndNames() {
        assertEquals("52:54:00:12:34:56", FieldFormat.MAC.text(0x5254_0012_3456L, 8));
        assertEquals("never", FieldFormat.NANOSECONDS.text(Long.MAX_VALUE, 8));
        assertEquals("42 ns", FieldFormat.NANOSECONDS.text(42, 8));
        assertEquals("2048 sectors", FieldFormat.SECTORS.text(2048, 8));
        assertEquals("18446744073709551615", FieldFormat.DECIMAL.text(-1, 8));
        assertEquals("0x00ff", FieldFormat.HEX.text(255, 2));
        assertEquals("1 yes", FieldFormat.YES_NO.text(1, 1));
        assertEquals("7 ?", FieldFormat.YES_NO.text(7, 1));
        assertEquals(
                "NO_VECTOR",
                FieldFormat.except(0xFFFF, "NO_VECTOR", FieldFormat.DECIMAL).text(0xFFFF, 2));
        assertEquals("0x1f (31)", FieldFormat.PLAIN.text(31, 8));
    }

    @Test
    void everyValueHasAText() {
        Random random = new Random(TestSeed.next());
        List<FieldFormat> all = List.of(
                LCR,
                FieldFormat.HEX,
                FieldFormat.PLAIN,
                FieldFormat.DECIMAL,
                FieldFormat.NANOSECONDS,
                FieldFormat.MAC,
                FieldFormat.SECTORS,
                FieldFormat.YES_NO,
                FieldFormat.flags("A", "", "C"));
        for (int i = 0; i < 10_000; i++) {
            long value = random.nextLong() >>> random.nextInt(64);
            for (FieldFormat format : all) {
                assertFalse(format.text(value, 8).isEmpty());
            }
        }
    }

    @Test
    void pathsAreThoseOfTheLayoutAndZerosTakeOneLine() {
        MemoryLayout queue = MemoryLayout.structLayout(
                ValueLayout.JAVA_SHORT.withName("size"),
                MemoryLayout.paddingLayout(6),
                MemoryLayout.sequenceLayout(6, ValueLayout.JAVA_LONG).withName("area"));
        MemoryLayout layout = MemoryLayout.structLayout(
                queue.withName("queue0"),
                MemoryLayout.sequenceLayout(3, ValueLayout.JAVA_BYTE).withName("bytes"),
                MemoryLayout.sequenceLayout(40, ValueLayout.JAVA_BYTE).withName("many"));
        UnsafeBuffer state = new UnsafeBuffer(new byte[(int) layout.byteSize()]);
        state.putShort(0, (short) 8);
        state.putLong(24, 5);
        state.putByte(56, (byte) 0xAB);
        List<String> lines = new ArrayList<>();
        StateFormats formats = StateFormats.NONE.and("queue.", StateFormats.of(Map.of("size", FieldFormat.DECIMAL)));
        StatePrinter.print(layout, formats, state, "", lines::add);
        assertEquals(
                List.of(
                        "queue0.size = 8",
                        "queue0.area[0..1] = 0",
                        "queue0.area[2] = 0x5 (5)",
                        "queue0.area[3..5] = 0",
                        "bytes = ab 00 00",
                        "many = 0 (40 bytes)"),
                lines);
        assertEquals("port.LCR", StateFormats.withoutNumbers("port[12].LCR"));
        assertEquals("function.queue.q0", StateFormats.withoutNumbers("function0.queue31.q0"));
    }
}
