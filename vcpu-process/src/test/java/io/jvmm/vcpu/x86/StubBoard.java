package io.jvmm.vcpu.x86;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.vcpu.board.Board;
import io.jvmm.vcpu.board.Counters;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.ExitView;
import io.jvmm.vcpu.x86.cpu.TimeSource;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * The least of a PC around the processors: a UART on the terminal, a clock, power management; everything else reads as all ones. For
 * {@link X86Boot}: the real devices are processes. Any vCPU's thread.
 */
final class StubBoard {
    private static final int COM1 = 0x3f8;
    private static final int PM_BASE = 0x600;
    private static final int RESET_PORT = 0xcf9;
    private static final int DEBUG_PORT = 0xe9;
    private static final int FIRMWARE_DEBUG_PORT = 0x402;

    private final OutputStream out;
    private final EventFd serialInterrupt;
    private final ArrayDeque<Integer> input = new ArrayDeque<>();
    private final TimeSource time;

    private int divisorLow;
    private int divisorHigh;
    private int interruptEnable;
    private int fifoControl;
    private int lineControl;
    private int modemControl;
    private int scratch;
    private boolean transmitterEmptyPending;
    private int cmosIndex;
    private int powerControl;
    private int powerEnable;
    private boolean ended;
    private final boolean tellUnclaimed;
    /** Memory from 16 MiB on, in 64 KiB: for firmware. */
    private int memoryUnits;

    private Board.@Nullable Maps maps;
    private final Counters counters = new Counters();

    /** A board whose clocks are {@code time}. */
    StubBoard(OutputStream out, EventFd serialInterrupt, boolean tellUnclaimed, TimeSource time) {
        this.time = time;
        this.out = out;
        this.serialInterrupt = serialInterrupt;
        this.tellUnclaimed = tellUnclaimed;
    }

    /** What firmware reads from CMOS. */
    void tellMemory(long bytes) {
        memoryUnits = (int) ((bytes - (16 << 20)) >> 16);
    }

    /** What answers where this board has nothing, for a vCPU without accesses to it from several threads at once. */
    void joinedBy(Board.Maps newMaps) {
        maps = newMaps;
    }

    /** The guest has powered the machine off or reset it. */
    boolean hasEnded() {
        return ended;
    }

    /** Reads {@code in} until its end, a byte at a time, into the UART. */
    void pump(InputStream in) throws IOException {
        for (int c = in.read(); c >= 0; c = in.read()) {
            synchronized (this) {
                input.add(c);
                serialChanged();
            }
        }
    }

    /** Answers an exit that is an access. */
    synchronized void answer(ExitKind kind, ExitView exit) {
        switch (kind) {
            case PIO_READ -> {
                for (int i = 0; i < exit.count(); i++) {
                    exit.complete(i, in((int) exit.address(), exit.widthBytes()));
                }
            }
            case PIO_WRITE -> {
                for (int i = 0; i < exit.count(); i++) {
                    out((int) exit.address(), exit.widthBytes(), (int) exit.value(i));
                }
            }
            case MMIO_READ -> {
                tell("mmio read", exit);
                final Board.Maps it = maps;
                exit.complete(0, it == null ? -1L : it.memory().read(0, exit.address(), exit.widthBytes(), counters));
            }
            case MMIO_WRITE -> {
                tell("mmio write", exit);
                final Board.Maps it = maps;
                if (it != null) {
                    it.memory().write(0, exit.address(), exit.widthBytes(), exit.value(0), counters);
                }
            }
            default -> throw new IllegalArgumentException(kind.name());
        }
    }

    private void tell(String what, ExitView exit) {
        if (tellUnclaimed) {
            System.err.printf("[%s %x, %d bytes]%n", what, exit.address(), exit.widthBytes());
        }
    }

    private long in(int port, int widthBytes) {
        if (port >= COM1 && port < COM1 + 8) {
            return readSerial(port - COM1);
        }
        return switch (port) {
            case 0x71 -> readCmos();
            case FIRMWARE_DEBUG_PORT -> DEBUG_PORT;
            case PM_BASE + 4 -> powerControl;
            case PM_BASE -> 0;
            case PM_BASE + 2 -> powerEnable;
            case PM_BASE + 8 -> time.nowNs() * 3_579_545L / 1_000_000_000L & 0xffff_ffffL;
            default -> {
                if (tellUnclaimed) {
                    System.err.printf("[in %x, %d bytes]%n", port, widthBytes);
                }
                final Board.Maps it = maps;
                yield it == null ? -1L : it.ports().read(0, port, widthBytes, counters);
            }
        };
    }

    private void out(int port, int widthBytes, int value) {
        if (port >= COM1 && port < COM1 + 8) {
            writeSerial(port - COM1, value & 0xff);
            return;
        }
        switch (port) {
            case 0x70 -> cmosIndex = value & 0x7f;
            case PM_BASE + 2 -> powerEnable = value & 0xffff;
            case PM_BASE + 4 -> {
                powerControl = (value & ~0x2000) | 1;
                ended |= (value & 0x2000) != 0;
            }
            case RESET_PORT -> ended |= widthBytes == 1 && (value & 4) != 0;
            case 0x64 -> ended |= value == 0xfe;
            case DEBUG_PORT, FIRMWARE_DEBUG_PORT -> print(value & 0xff);
            default -> {
                if (tellUnclaimed && port != 0x80 && port != 0x71) {
                    System.err.printf("[out %x, %d bytes, %x]%n", port, widthBytes, value);
                }
                final Board.Maps it = maps;
                if (it != null) {
                    it.ports().write(0, port, widthBytes, value, counters);
                }
            }
        }
    }

    private int readSerial(int register) {
        final boolean divisor = (lineControl & 0x80) != 0;
        return switch (register) {
            case 0 -> {
                if (divisor) {
                    yield divisorLow;
                }
                final Integer c = input.poll();
                serialChanged();
                yield c == null ? 0 : c;
            }
            case 1 -> divisor ? divisorHigh : interruptEnable;
            case 2 -> identifyInterrupt();
            case 3 -> lineControl;
            case 4 -> modemControl;
            case 5 -> 0x60 | (input.isEmpty() ? 0 : 1);
            case 6 ->
                (modemControl & 0x10) == 0
                        ? 0xb0
                        : (modemControl & 1) << 5 | (modemControl & 2) << 3 | (modemControl & 0xc) << 4;
            default -> scratch;
        };
    }

    private int identifyInterrupt() {
        final int fifos = (fifoControl & 1) != 0 ? 0xc0 : 0;
        if ((interruptEnable & 1) != 0 && !input.isEmpty()) {
            return fifos | 4;
        }
        if ((interruptEnable & 2) != 0 && transmitterEmptyPending) {
            transmitterEmptyPending = false;
            return fifos | 2;
        }
        return fifos | 1;
    }

    private void writeSerial(int register, int value) {
        final boolean divisor = (lineControl & 0x80) != 0;
        switch (register) {
            case 0 -> {
                if (divisor) {
                    divisorLow = value;
                } else if ((modemControl & 0x10) == 0) {
                    print(value);
                    transmitterEmptyPending = true;
                    serialChanged();
                }
            }
            case 1 -> {
                if (divisor) {
                    divisorHigh = value;
                } else {
                    transmitterEmptyPending |= (value & ~interruptEnable & 2) != 0;
                    interruptEnable = value & 0xf;
                    serialChanged();
                }
            }
            case 2 -> fifoControl = value;
            case 3 -> lineControl = value;
            case 4 -> {
                modemControl = value;
                serialChanged();
            }
            case 7 -> scratch = value;
            default -> {
                // Status registers.
            }
        }
    }

    /** Edge-triggered, with OUT2 as its gate. */
    private void serialChanged() {
        final boolean wanted = ((interruptEnable & 1) != 0 && !input.isEmpty())
                || ((interruptEnable & 2) != 0 && transmitterEmptyPending);
        if (wanted && (modemControl & 8) != 0) {
            serialInterrupt.signal();
        }
    }

    private void print(int value) {
        try {
            out.write(value);
            if (value == '\n' || input.isEmpty()) {
                out.flush();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private int readCmos() {
        final LocalDateTime now = LocalDateTime.ofEpochSecond(time.wallClockNs() / 1_000_000_000, 0, ZoneOffset.UTC);
        return switch (cmosIndex) {
            case 0 -> bcd(now.getSecond());
            case 2 -> bcd(now.getMinute());
            case 4 -> bcd(now.getHour());
            case 6 -> now.getDayOfWeek().getValue() % 7 + 1;
            case 7 -> bcd(now.getDayOfMonth());
            case 8 -> bcd(now.getMonthValue());
            case 9 -> bcd(now.getYear() % 100);
            case 0x32 -> bcd(now.getYear() / 100);
            case 0x0a -> 0x26;
            case 0x0b -> 0x02;
            case 0x0d -> 0x80;
            case 0x34, 0x35 -> memoryUnits >> (cmosIndex == 0x34 ? 0 : 8) & 0xff;
            default -> 0;
        };
    }

    private static int bcd(int value) {
        return ((value / 10) << 4) | (value % 10);
    }
}
