package io.jvmm.vcpu.x86.apic;

import io.jvmm.vcpu.state.StateCursor;

/**
 * The two 8259As of a PC: the slave's INT is the master's line 2. Ports 20, 21, a0, a1 and the edge/level registers 4d0 and
 * 4d1. Guarded by the {@link Chipset}'s lock.
 */
final class PicPair {
    /** The master's line where the slave is. */
    static final int CASCADE = 2;

    private final Pic8259 master;
    private final Pic8259 slave;

    /**
     * A pair at rest.
     *
     * @param ended told which of the 16 interrupts has been ended
     */
    PicPair(Pic8259.EndListener ended) {
        master = new Pic8259(true, 0xf8, line -> {
            if (line != CASCADE) {
                ended.ended(line);
            }
        });
        slave = new Pic8259(false, 0xde, line -> ended.ended(line + 8));
    }

    /** Whether these ports belong to the pair. */
    static boolean owns(int port) {
        return (port & ~0x81) == 0x20 || (port & ~1) == 0x4d0;
    }

    /** Sets one of the 16 interrupt lines; 2 is taken by the cascade and ignored. */
    void setLine(int irq, boolean high) {
        if (irq >= 8) {
            slave.setLine(irq - 8, high);
        } else if (irq != CASCADE) {
            master.setLine(irq, high);
        }
        cascade();
    }

    private void cascade() {
        // The slave drops INT for a moment with each acknowledgement, so that every request of its own is an edge.
        master.withdraw(CASCADE);
        if (slave.output()) {
            master.setLine(CASCADE, true);
        }
    }

    /** Whether INTR is high. */
    boolean output() {
        return master.output();
    }

    /** The two INTA cycles: the vector. */
    int acknowledge() {
        final int line = master.acknowledge();
        final int vector;
        if (line == CASCADE) {
            vector = slave.vector(slave.acknowledge());
        } else {
            vector = master.vector(line);
        }
        cascade();
        return vector;
    }

    int read(int port) {
        final int value = switch (port) {
            case 0x20, 0x21 -> master.read((port & 1) != 0);
            case 0xa0, 0xa1 -> slave.read((port & 1) != 0);
            case 0x4d0 -> master.edgeLevel();
            default -> slave.edgeLevel();
        };
        // A poll acknowledges.
        cascade();
        return value;
    }

    void write(int port, int value) {
        switch (port) {
            case 0x20, 0x21 -> master.write((port & 1) != 0, value);
            case 0xa0, 0xa1 -> slave.write((port & 1) != 0, value);
            case 0x4d0 -> master.setEdgeLevel(value);
            default -> slave.setEdgeLevel(value);
        }
        cascade();
    }

    /** For the state segment. */
    void transfer(StateCursor state) {
        master.transfer(state);
        slave.transfer(state);
    }
}
