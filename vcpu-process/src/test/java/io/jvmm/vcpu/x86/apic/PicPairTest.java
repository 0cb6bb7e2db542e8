package io.jvmm.vcpu.x86.apic;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** 8259A data sheet (231468), by heading. */
class PicPairTest {
    private static final int MASTER = 0x20;
    private static final int SLAVE = 0xa0;

    private final List<Integer> ended = new ArrayList<>();
    private final PicPair pair = new PicPair(ended::add);

    @BeforeEach
    void initialize() {
        initialize(0x11, 1);
    }

    /** ICW1..ICW4 as every PC does it: vectors 30 and 38, the slave on line 2. */
    private void initialize(int word1, int word4) {
        for (final int chip : new int[] {MASTER, SLAVE}) {
            pair.write(chip, word1);
            pair.write(chip + 1, chip == MASTER ? 0x30 : 0x38);
            pair.write(chip + 1, chip == MASTER ? 4 : 2);
            pair.write(chip + 1, word4);
        }
    }

    private void pulse(int irq) {
        pair.setLine(irq, true);
        pair.setLine(irq, false);
    }

    private int service(int chip) {
        pair.write(chip, 0x0b);
        return pair.read(chip);
    }

    private int request(int chip) {
        pair.write(chip, 0x0a);
        return pair.read(chip);
    }

    @Test
    void fullyNested() {
        pulse(5);
        pulse(3);
        assertTrue(pair.output());
        assertEquals(0x33, pair.acknowledge());
        assertFalse(pair.output(), "5 waits for 3");
        pulse(1);
        assertEquals(0x31, pair.acknowledge());
        assertEquals(1 << 1 | 1 << 3, service(MASTER));
        assertEquals(1 << 5, request(MASTER));
        pair.write(MASTER, 0x20);
        pair.write(MASTER, 0x20);
        assertEquals(List.of(1, 3), ended);
        assertEquals(0x35, pair.acknowledge());
    }

    @Test
    void cascade() {
        pulse(12);
        assertEquals(1 << 2, request(MASTER));
        assertEquals(0x3c, pair.acknowledge());
        assertEquals(1 << 2, service(MASTER));
        assertEquals(1 << 4, service(SLAVE));
        pulse(8);
        assertFalse(pair.output(), "not special fully nested: the master holds line 2 back");
        pair.write(SLAVE, 0x20);
        pair.write(MASTER, 0x20);
        assertEquals(List.of(12), ended);
        assertEquals(0x38, pair.acknowledge());
    }

    @Test
    void specialFullyNestedLetsTheSlaveInterruptItself() {
        initialize(0x11, 0x11);
        pulse(12);
        assertEquals(0x3c, pair.acknowledge());
        pulse(8);
        assertTrue(pair.output());
        assertEquals(0x38, pair.acknowledge());
    }

    @Test
    void masks() {
        pair.write(MASTER + 1, 0xff);
        pulse(4);
        assertFalse(pair.output());
        assertEquals(0xff, pair.read(MASTER + 1));
        pair.write(MASTER + 1, 0xef);
        assertEquals(0x34, pair.acknowledge(), "an edge is remembered behind its mask");
    }

    @Test
    void initializationClears() {
        pair.write(MASTER + 1, 0xff);
        pair.setLine(4, true);
        initialize();
        assertEquals(0, pair.read(MASTER + 1), "IMR is cleared");
        assertEquals(0, request(MASTER), "the edge has to come again");
        pair.setLine(4, false);
        pair.setLine(4, true);
        assertEquals(0x34, pair.acknowledge());
    }

    @Test
    void spuriousInterrupts() {
        assertEquals(0x37, pair.acknowledge());
        assertEquals(0, service(MASTER), "nothing is in service");
        pair.write(0x4d1, 1 << 3);
        pair.setLine(11, true);
        assertTrue(pair.output());
        pair.setLine(11, false);
        assertFalse(pair.output());
    }

    @Test
    void levels() {
        pair.write(0x4d1, 0xff);
        pair.write(0x4d0, 0xff);
        assertEquals(0xde, pair.read(0x4d1), "8 and 13 are edges for ever");
        assertEquals(0xf8, pair.read(0x4d0), "so are 0, 1 and 2");
        pair.setLine(9, true);
        assertEquals(0x39, pair.acknowledge());
        assertFalse(pair.output());
        pair.write(SLAVE, 0x20);
        pair.write(MASTER, 0x20);
        assertTrue(pair.output(), "still asserted");
        pair.setLine(9, false);
        assertFalse(pair.output());
    }

    @Test
    void automaticEnd() {
        initialize(0x11, 3);
        pulse(6);
        assertEquals(0x36, pair.acknowledge());
        assertEquals(0, service(MASTER));
        assertEquals(List.of(6), ended);
    }

    @Test
    void rotation() {
        // Automatic rotation: the line served last gets the lowest priority.
        pulse(4);
        pulse(6);
        assertEquals(0x34, pair.acknowledge());
        pair.write(MASTER, 0xa0);
        pulse(4);
        assertEquals(0x36, pair.acknowledge());
        pair.write(MASTER, 0x20);
        assertEquals(0x34, pair.acknowledge());
        pair.write(MASTER, 0x20);
        // Specific rotation: 5 the lowest, so 6 is the highest.
        pair.write(MASTER, 0xc5);
        pulse(0);
        pulse(6);
        assertEquals(0x36, pair.acknowledge());
    }

    @Test
    void specificEnd() {
        pulse(5);
        pair.acknowledge();
        pulse(2 + 1);
        pair.acknowledge();
        pair.write(MASTER, 0x65);
        assertEquals(1 << 3, service(MASTER));
    }

    @Test
    void specialMask() {
        pulse(3);
        pair.acknowledge();
        pair.write(MASTER + 1, 1 << 3);
        pulse(6);
        assertFalse(pair.output());
        pair.write(MASTER, 0x68);
        assertEquals(0x36, pair.acknowledge(), "all that is not masked may interrupt");
        pair.write(MASTER, 0x48);
    }

    @Test
    void poll() {
        pair.write(MASTER, 0x0c);
        assertEquals(0, pair.read(MASTER));
        pulse(4);
        pair.write(MASTER, 0x0c);
        assertEquals(0x84, pair.read(MASTER));
        assertEquals(1 << 4, service(MASTER));
    }

    @Test
    void theSlaveWithdraws() {
        pulse(14);
        assertTrue(pair.output());
        pair.write(SLAVE + 1, 1 << 6);
        assertFalse(pair.output());
        pair.write(SLAVE + 1, 0);
        assertEquals(0x3e, pair.acknowledge());
    }
}
