package io.jvmm.supervisor.demo;

import static io.jvmm.supervisor.demo.Condition.BELOW;
import static io.jvmm.supervisor.demo.Condition.EQUAL;
import static io.jvmm.supervisor.demo.Condition.NOT_EQUAL;
import static io.jvmm.supervisor.demo.Condition.NOT_ZERO;
import static io.jvmm.supervisor.demo.Condition.ZERO;
import static io.jvmm.supervisor.demo.Mem.at;
import static io.jvmm.supervisor.demo.Register.*;

import io.jvmm.supervisor.demo.Assembler.Alu;

/**
 * The guest's serial driver: up to four 16550A ports, FIFOs on, everything by interrupt in both directions. When its
 * receive buffer is full it masks the receive interrupt and leaves the bytes in the FIFO, so that the device's own flow
 * control holds the host back: no byte is lost (PC16550D §8.4, §8.6).
 *
 * <p>A port is a block of memory, always addressed through RBX:
 *
 * <pre>
 *   +0   u32 base            I/O address
 *   +4   u32 present         1 when a scratch register answers there
 *   +8   u32 ier             what the interrupt-enable register holds
 *   +12  u32 rxHead  +16 rxTail      free-running counters, buffer index = counter mod 1024
 *   +20  u32 txHead  +24 txTail
 *   +28  u32 lineErrors      line-status interrupts seen
 *   +64  rx buffer, 1024     +1088 tx buffer, 1024
 * </pre>
 */
final class GuestSerial {
    static final int BASE = 0;
    static final int PRESENT = 4;
    static final int IER = 8;
    static final int RX_HEAD = 12;
    static final int RX_TAIL = 16;
    static final int TX_HEAD = 20;
    static final int TX_TAIL = 24;
    static final int LINE_ERRORS = 28;
    static final int RX_BUFFER = 64;
    static final int BUFFER_BYTES = 1024;
    static final int TX_BUFFER = RX_BUFFER + BUFFER_BYTES;
    static final int PORT_BYTES = TX_BUFFER + BUFFER_BYTES;
    private static final int INDEX_MASK = BUFFER_BYTES - 1;

    private static final int[] BASES = {0x3f8, 0x2f8, 0x3e8, 0x2e8};
    static final int PORTS = BASES.length;
    private static final int FIFO_BYTES = 16;

    // Register offsets and bits, PC16550D table II.
    private static final int REG_IER = 1;
    private static final int REG_IIR = 2;
    private static final int REG_FCR = 2;
    private static final int REG_LCR = 3;
    private static final int REG_MCR = 4;
    private static final int REG_LSR = 5;
    private static final int REG_MSR = 6;
    private static final int REG_SCR = 7;
    private static final int IER_RECEIVE = 1;
    private static final int IER_TRANSMIT = 2;
    private static final int IER_LINE_STATUS = 4;
    private static final int IIR_NONE = 1;
    private static final int IIR_SOURCE = 0x0e;
    private static final int IIR_LINE_STATUS = 0x06;
    private static final int IIR_RECEIVE = 0x04;
    private static final int IIR_TIMEOUT = 0x0c;
    private static final int IIR_TRANSMIT = 0x02;
    private static final int FCR_ENABLE_TRIGGER_14 = 0xc1;
    private static final int LCR_8N1 = 0x03;
    private static final int LCR_DIVISOR = 0x80;
    private static final int MCR_LOOPBACK = 0x10;
    private static final int MCR_DTR_RTS_OUT2 = 0x0b;
    private static final int LSR_DATA_READY = 0x01;
    private static final int LSR_TRANSMITTER_EMPTY = 0x40;

    /** Puts AL into the transmit buffer of port RBX, sleeping while it is full. Changes nothing but flags. */
    final Label putByte = new Label("putByte");
    /** Takes the next received byte of port RBX into EAX; the caller knows there is one. Changes ECX, EDX. */
    final Label takeByte = new Label("takeByte");
    /** Waits until port RBX has sent everything. Changes RAX, RCX, RDX. */
    final Label drain = new Label("drain");
    /** Sends AL on port RBX without interrupts; for the moments when nothing else works. Changes RAX, RCX, RDX. */
    final Label putByteNow = new Label("putByteNow");
    /** Finds and initialises all ports. */
    final Label initialise = new Label("initialiseSerial");
    /** Interrupt handler of COM1 and COM3; COM2 and COM4. */
    final Label irq4 = new Label("irq4");

    final Label irq3 = new Label("irq3");
    final Label irq4Count = new Label("irq4Count");
    final Label irq3Count = new Label("irq3Count");
    final Label[] port = {new Label("com1"), new Label("com2"), new Label("com3"), new Label("com4")};

    private final Label initialisePort = new Label("initialisePort");
    private final Label service = new Label("service");
    private final Assembler a;

    GuestSerial(Assembler a) {
        this.a = a;
    }

    void emitCode() {
        emitInitialise();
        emitInitialisePort();
        emitPutByte();
        emitTakeByte();
        emitDrain();
        emitPutByteNow();
        emitInterrupt(irq4, irq4Count, port[0], port[2]);
        emitInterrupt(irq3, irq3Count, port[1], port[3]);
        emitService();
    }

    void emitZeroedData() {
        a.align(8);
        a.bind(irq4Count);
        a.dq(0);
        a.bind(irq3Count);
        a.dq(0);
        a.align(64);
        for (Label p : port) {
            a.bind(p);
            a.reserve(PORT_BYTES);
        }
    }

    /** DX = the address of a register of port RBX. */
    private void address(int register) {
        a.mov(EDX, at(RBX, BASE));
        if (register != 0) {
            a.add(EDX, register);
        }
    }

    private void write(int register, int value) {
        address(register);
        a.mov(AL, value);
        a.outDxAl();
    }

    private void read(int register) {
        address(register);
        a.inAlDx();
    }

    private void emitInitialise() {
        a.bind(initialise);
        for (int i = 0; i < PORTS; i++) {
            a.lea(RBX, at(port[i]));
            a.mov(at(RBX, BASE).asDword(), BASES[i]);
            a.call(initialisePort);
        }
        a.ret();
    }

    /** Absent ports read all ones, so a scratch register that keeps two values is a port. */
    private void emitInitialisePort() {
        a.bind(initialisePort);
        Label absent = new Label("absent");
        for (int pattern : new int[] {0x5a, 0x25}) {
            write(REG_SCR, pattern);
            a.inAlDx();
            a.cmp(AL, pattern);
            a.jump(NOT_EQUAL, absent);
        }
        write(REG_IER, 0);
        // In loop-back the receiver is cut off from the line, so that changing the FIFO mode loses nothing.
        write(REG_MCR, MCR_LOOPBACK);
        Label early = a.here("early");
        Label clean = new Label("clean");
        read(REG_LSR);
        a.test(AL, LSR_DATA_READY);
        a.jump(ZERO, clean);
        read(0);
        store(RX_HEAD, RX_BUFFER);
        a.jmp(early);
        a.bind(clean);
        write(REG_LCR, LCR_DIVISOR | LCR_8N1);
        write(0, 1);
        write(REG_IER, 0);
        write(REG_LCR, LCR_8N1);
        write(REG_FCR, FCR_ENABLE_TRIGGER_14);
        write(REG_MCR, MCR_DTR_RTS_OUT2);
        a.mov(at(RBX, PRESENT).asDword(), 1);
        a.mov(at(RBX, IER).asDword(), IER_RECEIVE | IER_LINE_STATUS);
        write(REG_IER, IER_RECEIVE | IER_LINE_STATUS);
        a.bind(absent);
        a.ret();
    }

    /** Appends AL to a buffer of port RBX; changes ECX. */
    private void store(int headOffset, int bufferOffset) {
        a.mov(ECX, at(RBX, headOffset));
        a.and(ECX, INDEX_MASK);
        a.mov(at(RBX, RCX, 1, bufferOffset), AL);
        a.inc(at(RBX, headOffset).asDword());
    }

    /** AL = the oldest byte of a buffer; changes ECX. */
    private void fetch(int tailOffset, int bufferOffset) {
        a.mov(ECX, at(RBX, tailOffset));
        a.and(ECX, INDEX_MASK);
        a.movzx(EAX, at(RBX, RCX, 1, bufferOffset).asByte());
        a.inc(at(RBX, tailOffset).asDword());
    }

    /** Flags of (bytes in the buffer - limit); changes ECX. */
    private void compareFill(int headOffset, int tailOffset, int limit) {
        a.mov(ECX, at(RBX, headOffset));
        a.alu(Alu.SUB, ECX, at(RBX, tailOffset));
        a.cmp(ECX, limit);
    }

    private void changeIer(Alu operation, int value) {
        a.mov(EAX, at(RBX, IER));
        a.alu(operation, EAX, value);
        a.mov(at(RBX, IER), EAX);
        address(REG_IER);
        a.outDxAl();
    }

    private void emitPutByte() {
        Label room = new Label("room");
        Label done = new Label("done");
        a.bind(putByte);
        a.push(RAX);
        a.push(RCX);
        a.push(RDX);
        Label wait = a.here("wait");
        a.cli();
        compareFill(TX_HEAD, TX_TAIL, BUFFER_BYTES);
        a.jump(BELOW, room);
        a.sti();
        a.hlt();
        a.jmp(wait);
        a.bind(room);
        store(TX_HEAD, TX_BUFFER);
        a.test(at(RBX, IER).asByte(), IER_TRANSMIT);
        a.jump(NOT_ZERO, done);
        changeIer(Alu.OR, IER_TRANSMIT);
        a.bind(done);
        a.sti();
        a.pop(RDX);
        a.pop(RCX);
        a.pop(RAX);
        a.ret();
    }

    /** Asks for receive interrupts again once the buffer is half empty after having been full. */
    private void emitTakeByte() {
        Label done = new Label("done");
        a.bind(takeByte);
        a.cli();
        fetch(RX_TAIL, RX_BUFFER);
        a.test(at(RBX, IER).asByte(), IER_RECEIVE);
        a.jump(NOT_ZERO, done);
        compareFill(RX_HEAD, RX_TAIL, BUFFER_BYTES / 2);
        a.jump(Condition.ABOVE, done);
        a.push(RAX);
        changeIer(Alu.OR, IER_RECEIVE);
        a.pop(RAX);
        a.bind(done);
        a.sti();
        a.ret();
    }

    private void emitDrain() {
        Label sent = new Label("sent");
        a.bind(drain);
        Label wait = a.here("wait");
        a.cli();
        compareFill(TX_HEAD, TX_TAIL, 0);
        a.jump(EQUAL, sent);
        a.sti();
        a.hlt();
        a.jmp(wait);
        a.bind(sent);
        a.sti();
        Label busy = a.here("busy");
        read(REG_LSR);
        a.test(AL, LSR_TRANSMITTER_EMPTY);
        a.jump(ZERO, busy);
        a.ret();
    }

    private void emitPutByteNow() {
        a.bind(putByteNow);
        a.mov(ECX, EAX);
        Label busy = a.here("busy");
        read(REG_LSR);
        a.test(AL, LSR_TRANSMITTER_EMPTY);
        a.jump(ZERO, busy);
        a.mov(EAX, ECX);
        address(0);
        a.outDxAl();
        a.ret();
    }

    /** Two ports share an edge-triggered line: only when neither has anything left is the next edge sure to come. */
    private void emitInterrupt(Label entry, Label counter, Label first, Label second) {
        a.bind(entry);
        a.push(RAX);
        a.push(RCX);
        a.push(RDX);
        a.push(RBX);
        a.push(RSI);
        a.inc(at(counter).asQword());
        Label again = a.here("again");
        a.zero(ESI);
        a.lea(RBX, at(first));
        a.call(service);
        a.lea(RBX, at(second));
        a.call(service);
        a.test(ESI, ESI);
        a.jump(NOT_ZERO, again);
        GuestPlatform.endOfInterrupt(a, false);
        a.pop(RSI);
        a.pop(RBX);
        a.pop(RDX);
        a.pop(RCX);
        a.pop(RAX);
        a.iretq();
    }

    /** Handles every source that port RBX names, in the order it names them; ESI = 1 if there was one. */
    private void emitService() {
        Label receive = new Label("receive");
        Label transmit = new Label("transmit");
        Label lineStatus = new Label("lineStatus");
        Label done = new Label("done");
        a.bind(service);
        a.cmp(at(RBX, PRESENT).asDword(), 0);
        a.jump(EQUAL, done);
        Label next = a.here("next");
        read(REG_IIR);
        a.test(AL, IIR_NONE);
        a.jump(NOT_ZERO, done);
        a.mov(ESI, 1);
        a.and(EAX, IIR_SOURCE);
        a.cmp(AL, IIR_RECEIVE);
        a.jump(EQUAL, receive);
        a.cmp(AL, IIR_TIMEOUT);
        a.jump(EQUAL, receive);
        a.cmp(AL, IIR_TRANSMIT);
        a.jump(EQUAL, transmit);
        a.cmp(AL, IIR_LINE_STATUS);
        a.jump(EQUAL, lineStatus);
        read(REG_MSR);
        a.jmp(next);
        a.bind(lineStatus);
        read(REG_LSR);
        a.inc(at(RBX, LINE_ERRORS).asDword());
        a.jmp(next);
        emitReceive(receive, next);
        emitTransmit(transmit, next);
        a.bind(done);
        a.ret();
    }

    private void emitReceive(Label receive, Label next) {
        Label room = new Label("room");
        a.bind(receive);
        compareFill(RX_HEAD, RX_TAIL, BUFFER_BYTES);
        a.jump(BELOW, room);
        changeIer(Alu.AND, ~IER_RECEIVE);
        a.jmp(next);
        a.bind(room);
        read(REG_LSR);
        a.test(AL, LSR_DATA_READY);
        a.jump(ZERO, next);
        read(0);
        store(RX_HEAD, RX_BUFFER);
        a.jmp(receive);
    }

    private void emitTransmit(Label transmit, Label next) {
        Label empty = new Label("empty");
        a.bind(transmit);
        a.push(RSI);
        a.mov(ESI, FIFO_BYTES);
        address(0);
        Label fill = a.here("fill");
        compareFill(TX_HEAD, TX_TAIL, 0);
        a.jump(EQUAL, empty);
        fetch(TX_TAIL, TX_BUFFER);
        a.outDxAl();
        a.dec(ESI);
        a.jump(NOT_ZERO, fill);
        a.pop(RSI);
        a.jmp(next);
        a.bind(empty);
        a.pop(RSI);
        changeIer(Alu.AND, ~IER_TRANSMIT);
        a.jmp(next);
    }
}
