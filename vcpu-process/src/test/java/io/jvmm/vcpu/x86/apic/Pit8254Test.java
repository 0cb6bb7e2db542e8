package io.jvmm.vcpu.x86.apic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/** 8254 data sheet (231164), by mode. Times are given in ticks. */
class Pit8254Test {
    private final Pit8254 pit = new Pit8254();

    private static long at(long tick) {
        return Pit8254.nanoseconds(tick);
    }

    private void control(int value, long tick) {
        pit.write(0x43, value, at(tick));
    }

    private void count(int channel, int value, long tick) {
        pit.write(0x40 + channel, value & 0xff, at(tick));
        pit.write(0x40 + channel, value >> 8, at(tick));
    }

    private int latched(int channel, long tick) {
        control(channel << 6, tick);
        return pit.read(0x40 + channel, at(tick)) | pit.read(0x40 + channel, at(tick)) << 8;
    }

    private boolean out2(long tick) {
        return (pit.read(0x61, at(tick)) & 0x20) != 0;
    }

    @Test
    void timeToTicksAndBack() {
        for (long tick = 0; tick < 5_000_000_000L; tick += 12_345_679) {
            assertEquals(tick, Pit8254.ticks(Pit8254.nanoseconds(tick)));
            assertTrue(Pit8254.nanoseconds(tick) == 0 || Pit8254.ticks(Pit8254.nanoseconds(tick) - 1) < tick);
        }
    }

    /** The data sheet forbids a count of 1 in modes 2 and 3; a guest may try. */
    @Test
    void everyModeWithEveryOddCountCanBeRead() {
        for (int mode = 0; mode < 8; mode++) {
            for (int count : new int[] {0, 1, 2, 3, 0xffff}) {
                control(0x30 | mode << 1, 0);
                count(0, count, 1);
                for (long tick = 2; tick < 12; tick++) {
                    final int value = latched(0, tick);
                    assertTrue(value >= 0 && value <= 0xffff);
                }
            }
        }
    }

    @Test
    void mode0() {
        control(0x30, 0);
        assertEquals(Long.MAX_VALUE, pit.nextNs());
        count(0, 1000, 10);
        assertEquals(at(1011), pit.nextNs(), "loaded with the next clock, then n clocks");
        assertEquals(1000, latched(0, 11));
        assertEquals(400, latched(0, 611));
        assertFalse(pit.takeRise(at(1010)));
        assertTrue(pit.takeRise(at(1011)));
        assertFalse(pit.takeRise(at(90_000)));
        assertEquals(0xffff, latched(0, 1012), "goes on below zero");
    }

    @Test
    void mode0OfChannel2IsGatedAndHeardThroughPort61() {
        pit.write(0x61, 1, at(0));
        control(0xb0, 0);
        count(2, 500, 0);
        assertFalse(out2(500));
        assertTrue(out2(501));
        control(0xb0, 600);
        assertFalse(out2(600));
        count(2, 500, 600);
        pit.write(0x61, 0, at(701));
        assertEquals(400, latched(2, 5000), "a low gate holds the count");
        pit.write(0x61, 1, at(6000));
        assertFalse(out2(6399));
        assertTrue(out2(6400));
    }

    @Test
    void mode1IsTriggeredByItsGate() {
        control(0xb2, 0);
        count(2, 100, 0);
        assertTrue(out2(50));
        pit.write(0x61, 1, at(60));
        assertFalse(out2(61));
        assertFalse(out2(160));
        assertTrue(out2(161));
        pit.write(0x61, 0, at(170));
        pit.write(0x61, 1, at(180));
        assertFalse(out2(200));
        pit.write(0x61, 0, at(210));
        pit.write(0x61, 1, at(220));
        assertFalse(out2(300), "triggered again");
        assertTrue(out2(321));
    }

    @Test
    void mode2() {
        control(0x34, 0);
        count(0, 100, 0);
        assertEquals(at(101), pit.nextNs());
        assertTrue(pit.takeRise(at(101)));
        assertEquals(at(201), pit.nextNs());
        assertTrue(pit.takeRise(at(750)), "those missed are one");
        assertEquals(at(801), pit.nextNs());
        assertEquals(1, latched(0, 800));
        assertEquals(100, latched(0, 801));
    }

    @Test
    void aNewCountOfMode2BeginsWithTheNextPeriod() {
        control(0x34, 0);
        count(0, 100, 0);
        count(0, 30, 50);
        assertEquals(at(101), pit.nextNs());
        assertTrue(pit.takeRise(at(101)));
        assertEquals(at(131), pit.nextNs());
        assertTrue(pit.takeRise(at(131)));
        assertEquals(at(161), pit.nextNs());
    }

    @Test
    void mode3IsASquare() {
        pit.write(0x61, 1, at(0));
        control(0xb6, 0);
        count(2, 10, 0);
        for (int tick = 1; tick < 40; tick++) {
            assertEquals((tick - 1) % 10 < 5, out2(tick), "tick " + tick);
        }
        control(0xb6, 100);
        count(2, 5, 100);
        for (int tick = 101; tick < 140; tick++) {
            assertEquals((tick - 101) % 5 < 3, out2(tick), "odd, tick " + tick);
        }
        pit.write(0x61, 0, at(200));
        assertTrue(out2(203), "a low gate forces OUT high");
    }

    @Test
    void mode4IsAStrobe() {
        control(0x38, 0);
        count(0, 50, 0);
        assertEquals(at(52), pit.nextNs());
        assertTrue(pit.takeRise(at(52)));
        assertEquals(Long.MAX_VALUE, pit.nextNs());
        pit.write(0x61, 1, at(100));
        control(0xb8, 100);
        count(2, 50, 100);
        assertTrue(out2(150));
        assertFalse(out2(151));
        assertTrue(out2(152));
    }

    @Test
    void mode5IsAStrobeAfterATrigger() {
        control(0xba, 0);
        count(2, 20, 0);
        assertTrue(out2(30));
        pit.write(0x61, 1, at(40));
        assertTrue(out2(60));
        assertFalse(out2(61));
        assertTrue(out2(62));
    }

    @Test
    void readBack() {
        control(0x34, 0);
        control(0xe2, 0);
        assertEquals(0xf4, pit.read(0x40, at(0)), "OUT high, null count until one is written");
        count(0, 1000, 0);
        control(0xc2, 100);
        assertEquals(0xb4, pit.read(0x40, at(900)), "status first: OUT high, 16 bits, mode 2");
        assertEquals(901 & 0xff, pit.read(0x40, at(900)), "then the count, latched at the same time");
        assertEquals(901 >> 8, pit.read(0x40, at(900)));
    }

    @Test
    void singleBytesAndBcd() {
        control(0x10, 0);
        pit.write(0x40, 100, at(0));
        assertEquals(at(101), pit.nextNs());
        assertEquals(40, pit.read(0x40, at(61)));
        control(0x31, 0);
        count(0, 0x1000, 0);
        assertEquals(at(1001), pit.nextNs());
        assertEquals(0x0990, latched(0, 11));
        control(0x30, 0);
        count(0, 0, 0);
        assertEquals(at(65_537), pit.nextNs());
    }
}
