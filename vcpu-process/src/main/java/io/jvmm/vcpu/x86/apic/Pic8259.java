package io.jvmm.vcpu.x86.apic;

import io.jvmm.vcpu.state.StateCursor;

/**
 * One 8259A interrupt controller (Intel data sheet 231468), in 8086 mode, with the edge/level register of a PC's south
 * bridge. Guarded by the {@link Chipset}'s lock.
 *
 * <p>One deviation: an edge stays requested when its line falls before it is acknowledged, because edges come in as pulses.
 * So the spurious level-7 interrupt is seen where a request is masked or a level falls in time.
 */
final class Pic8259 {
    /** {@link #highest()}: nothing to serve. */
    static final int NONE = -1;

    private static final int LINES = 8;
    private static final int SPURIOUS = 7;

    private final boolean master;
    private final int levelMask;
    private final EndListener ended;

    private int request;
    private int service;
    private int mask;
    private int line;
    private int edgeLevel;
    private int vectorBase;
    /** The line of the lowest priority: 7 after initialization. */
    private int lowest;

    /** 0: operating; 2, 3, 4: the initialization word expected next. */
    private int initialization;

    private boolean wantsWord4;
    private boolean single;
    private boolean allLevel;
    private boolean autoEnd;
    private boolean rotateOnAutoEnd;
    private boolean fullyNested;
    private boolean specialMask;
    private boolean readService;
    private boolean poll;

    /** Told when an interrupt has been ended. */
    @FunctionalInterface
    interface EndListener {
        void ended(int line);
    }

    /**
     * A chip at rest.
     *
     * @param levelMask which lines the edge/level register can make level-triggered
     */
    Pic8259(boolean master, int levelMask, EndListener ended) {
        this.master = master;
        this.levelMask = levelMask;
        this.ended = ended;
        this.mask = 0xff;
        this.lowest = LINES - 1;
    }

    /** Sets an interrupt line. */
    void setLine(int number, boolean high) {
        final int bit = 1 << number;
        if (high) {
            if ((line & bit) == 0 || isLevel(number)) {
                request |= bit;
            }
            line |= bit;
        } else {
            line &= ~bit;
            if (isLevel(number)) {
                request &= ~bit;
            }
        }
    }

    /** The line falls, and with it a request that has not been acknowledged. */
    void withdraw(int number) {
        line &= ~(1 << number);
        request &= ~(1 << number);
    }

    private boolean isLevel(int number) {
        return allLevel || (edgeLevel & 1 << number) != 0;
    }

    /** Whether INT is high. */
    boolean output() {
        return highest() != NONE;
    }

    /** The line to serve now: requested, not masked, of higher priority than all in service; else {@link #NONE}. */
    private int highest() {
        final int wanted = request & ~mask;
        if (wanted == 0) {
            return NONE;
        }
        // In special mask mode what is masked does not hold others back; a fully nested master lets the slave interrupt
        // itself.
        int blocking = specialMask ? service & ~mask : service;
        if (fullyNested && master) {
            blocking &= ~(1 << PicPair.CASCADE);
        }
        for (int i = 1; i <= LINES; i++) {
            final int number = (lowest + i) & 7;
            if ((wanted & 1 << number) != 0) {
                // The same line again has to wait for its own end, unless its mask stands for that.
                return (blocking & 1 << number) != 0 ? NONE : number;
            }
            if ((blocking & 1 << number) != 0) {
                return NONE;
            }
        }
        return NONE;
    }

    /** INTA: the line that is now in service, or {@link #NONE} for a spurious interrupt. */
    int acknowledge() {
        final int number = highest();
        if (number == NONE) {
            return NONE;
        }
        final int bit = 1 << number;
        if (!isLevel(number)) {
            request &= ~bit;
        }
        service |= bit;
        if (autoEnd) {
            end(number);
            if (rotateOnAutoEnd) {
                lowest = number;
            }
        }
        return number;
    }

    /** The vector of a line, or of the spurious interrupt. */
    int vector(int number) {
        return vectorBase | (number == NONE ? SPURIOUS : number);
    }

    private void end(int number) {
        final int bit = 1 << number;
        if ((service & bit) != 0) {
            service &= ~bit;
            ended.ended(number);
            if (isLevel(number) && (line & bit) != 0) {
                request |= bit;
            }
        }
    }

    /** Reads port 20/a0 ({@code odd} false) or 21/a1. */
    int read(boolean odd) {
        if (poll) {
            poll = false;
            final int number = acknowledge();
            return number == NONE ? 0 : 0x80 | number;
        }
        return odd ? mask : readService ? service : request;
    }

    /** Writes port 20/a0 ({@code odd} false) or 21/a1. */
    void write(boolean odd, int value) {
        if (odd) {
            writeOdd(value);
        } else if ((value & 0x10) != 0) {
            initialize(value);
        } else if ((value & 0x08) != 0) {
            operation3(value);
        } else {
            operation2(value);
        }
    }

    private void initialize(int word1) {
        initialization = 2;
        wantsWord4 = (word1 & 1) != 0;
        single = (word1 & 2) != 0;
        allLevel = (word1 & 8) != 0;
        mask = 0;
        service = 0;
        request = 0;
        lowest = LINES - 1;
        specialMask = false;
        readService = false;
        poll = false;
        autoEnd = false;
        rotateOnAutoEnd = false;
        fullyNested = false;
        // The edge sense circuit is reset: a line that is high has to fall first. Levels are seen at once.
        for (int i = 0; i < LINES; i++) {
            if (isLevel(i)) {
                request |= line & 1 << i;
            }
        }
    }

    private void writeOdd(int value) {
        switch (initialization) {
            case 2 -> {
                vectorBase = value & 0xf8;
                initialization = !single ? 3 : wantsWord4 ? 4 : 0;
            }
            case 3 -> initialization = wantsWord4 ? 4 : 0;
            case 4 -> {
                autoEnd = (value & 2) != 0;
                fullyNested = (value & 0x10) != 0;
                initialization = 0;
            }
            default -> mask = value & 0xff;
        }
    }

    /** OCW2: R, SL, EOI in bits 7:5, a line in bits 2:0. */
    private void operation2(int value) {
        final int number = value & 7;
        switch (value >> 5 & 7) {
            case 0 -> rotateOnAutoEnd = false;
            case 1 -> endHighest(false);
            case 3 -> end(number);
            case 4 -> rotateOnAutoEnd = true;
            case 5 -> endHighest(true);
            case 6 -> lowest = number;
            case 7 -> {
                end(number);
                lowest = number;
            }
            default -> {
                // 2 is no operation.
            }
        }
    }

    private void endHighest(boolean rotate) {
        // Masked ones are not ended in special mask mode (data sheet, "Special Mask Mode").
        final int candidates = specialMask ? service & ~mask : service;
        for (int i = 1; i <= LINES; i++) {
            final int number = (lowest + i) & 7;
            if ((candidates & 1 << number) != 0) {
                end(number);
                if (rotate) {
                    lowest = number;
                }
                return;
            }
        }
    }

    private void operation3(int value) {
        if ((value & 0x40) != 0) {
            specialMask = (value & 0x20) != 0;
        }
        if ((value & 0x04) != 0) {
            poll = true;
        } else if ((value & 2) != 0) {
            readService = (value & 1) != 0;
        }
    }

    int edgeLevel() {
        return edgeLevel;
    }

    void setEdgeLevel(int value) {
        edgeLevel = value & levelMask;
        for (int i = 0; i < LINES; i++) {
            if (isLevel(i)) {
                request = (request & ~(1 << i)) | (line & 1 << i);
            }
        }
    }

    /** For the state segment. */
    void transfer(StateCursor state) {
        request = state.u8(request);
        service = state.u8(service);
        mask = state.u8(mask);
        line = state.u8(line);
        edgeLevel = state.u8(edgeLevel, levelMask, "edge/level register");
        vectorBase = state.u8(vectorBase, 0xf8, "ICW2");
        lowest = state.u8(lowest, 7, "priorities of an 8259");
        initialization = state.u8(initialization);
        state.require(initialization <= 4 && initialization != 1, "initialization of an 8259");
        wantsWord4 = state.flag(wantsWord4);
        single = state.flag(single);
        allLevel = state.flag(allLevel);
        autoEnd = state.flag(autoEnd);
        rotateOnAutoEnd = state.flag(rotateOnAutoEnd);
        fullyNested = state.flag(fullyNested);
        specialMask = state.flag(specialMask);
        readService = state.flag(readService);
        poll = state.flag(poll);
        state.zero(7);
    }
}
