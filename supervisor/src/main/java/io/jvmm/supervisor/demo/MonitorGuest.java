package io.jvmm.supervisor.demo;

import static io.jvmm.supervisor.demo.Condition.BELOW;
import static io.jvmm.supervisor.demo.Condition.EQUAL;
import static io.jvmm.supervisor.demo.Condition.NOT_BELOW;
import static io.jvmm.supervisor.demo.Condition.NOT_EQUAL;
import static io.jvmm.supervisor.demo.Condition.NOT_ZERO;
import static io.jvmm.supervisor.demo.Condition.ZERO;
import static io.jvmm.supervisor.demo.Mem.at;
import static io.jvmm.supervisor.demo.Register.*;

import io.jvmm.supervisor.demo.Assembler.Alu;
import io.jvmm.supervisor.demo.Assembler.Segment;

/**
 * The project's own guest: a monitor with a prompt on COM1 that exercises the board, and an echo on COM2 to COM4.
 *
 * <p>It is an ELF64 image at 2 MiB, entered in long mode as the Linux 64-bit boot protocol says (RSI = zero page, memory
 * identity-mapped), or through PVH, where it makes its own page tables first. It brings its own GDT and IDT, uses the
 * 8259A pair for interrupts so that it needs no MMIO, does everything by interrupt and halts when idle. It uses general
 * registers only: no SSE, no x87, no software interrupt, so that a KVM that emulates ring 0 can run it too.
 *
 * <p>Order of the image: code, tables, texts; then zeroed data and the stack, which the file does not hold.
 */
final class MonitorGuest {
    /** How the image offers itself to a loader. */
    enum Entry {
        /** ELF entry point only. */
        LINUX_64,
        /** The same, and a PVH note that loaders may prefer. */
        PVH
    }

    static final String BANNER = "jvmm monitor";
    static final String PROMPT = "> ";

    private static final long ORIGIN = 0x200000;
    private static final int CODE = 0x08;
    private static final int DATA = 0x10;
    private static final int PAGE = 4096;
    private static final int STACK_BYTES = 2 * PAGE;
    private static final int EXCEPTIONS = 32;
    private static final int VECTORS = 64;
    /** Exceptions that push an error code: 8, 10 to 14, 17, 21 (SDM 3A table 6-1). */
    private static final int WITH_ERROR_CODE =
            1 << 8 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 17 | 1 << 21;

    private static final int PRESENT_WRITABLE = 3;
    private static final int LARGE_PAGE = 0x80;
    private static final int CTRL_D = 4;

    private final Assembler a = new Assembler(ORIGIN);
    private final GuestSerial serial = new GuestSerial(a);
    private final GuestText text = new GuestText(a, serial.putByte);
    private final GuestPlatform platform = new GuestPlatform(a);
    private final GuestBootInfo boot = new GuestBootInfo(a, text);
    private final GuestCommands commands = new GuestCommands(a, text, serial, platform, boot);

    private final Label start64 = new Label("start64");
    private final Label start32 = new Label("start32");
    private final Label gdt = new Label("gdt");
    private final Label gdtPointer = new Label("gdtPointer");
    private final Label idt = new Label("idt");
    private final Label idtPointer = new Label("idtPointer");
    private final Label pml4 = new Label("pml4");
    private final Label stackTop = new Label("stackTop");
    private final Label lineLength = new Label("lineLength");
    private final Label lastByte = new Label("lastByte");
    private final Label character = new Label("character");
    private final Label ignore = new Label("ignore");
    private final Label exception = new Label("exception");
    private final Label[] exceptions = new Label[EXCEPTIONS];

    private MonitorGuest() {}

    /** The whole ELF file. */
    static byte[] image(Entry entry) {
        MonitorGuest guest = new MonitorGuest();
        guest.emitStart32();
        guest.emitStart64();
        guest.emitMainLoop();
        guest.emitCharacter();
        guest.emitExceptions();
        guest.serial.emitCode();
        guest.text.emitCode();
        guest.platform.emitCode();
        guest.boot.emitCode();
        guest.commands.emitCode();
        guest.emitTables();
        guest.emitPageTables(entry);
        guest.platform.emitData();
        guest.commands.emitData();
        guest.text.emitData();
        guest.a.align(PAGE);
        int fileBytes = guest.a.size();
        guest.emitZeroedData();
        int zeroedBytes = guest.a.size() - fileBytes;
        byte[] program = java.util.Arrays.copyOf(guest.a.assemble(), fileBytes);
        Long pvh = entry == Entry.PVH ? guest.a.addressOf(guest.start32) : null;
        return GuestElf.write(ORIGIN, program, zeroedBytes, guest.a.addressOf(guest.start64), pvh);
    }

    /** PVH: protected mode, no paging, EBX = start info (Xen, docs/misc/pvh). From here to long mode, SDM 3A 10.8.5. */
    private void emitStart32() {
        Label inLongMode = new Label("inLongMode");
        a.bits32();
        a.bind(start32);
        a.cli();
        a.mov(at(boot.startInfo), EBX);
        a.movAddress(EAX, pml4);
        a.movToControl(3, EAX);
        a.movFromControl(EAX, 4);
        a.or(EAX, 1 << 5);
        a.movToControl(4, EAX);
        a.mov(ECX, 0xc0000080L);
        a.rdmsr();
        a.or(EAX, 1 << 8);
        a.wrmsr();
        a.movFromControl(EAX, 0);
        a.or(EAX, 1 << 31);
        a.movToControl(0, EAX);
        a.lgdt(at(gdtPointer));
        a.jmpFar(CODE, inLongMode);
        a.bits64();
        a.bind(inLongMode);
        a.zero(ESI);
    }

    /** Linux 64-bit boot protocol: RSI = zero page. PVH arrives here with RSI = 0. */
    private void emitStart64() {
        Label ownCode = new Label("ownCode");
        a.bind(start64);
        a.cli();
        a.cld();
        a.lea(RSP, at(stackTop));
        a.mov(at(boot.zeroPage), RSI);
        a.lgdt(at(gdtPointer));
        a.push(CODE);
        a.lea(RAX, at(ownCode));
        a.push(RAX);
        a.retfq();
        a.bind(ownCode);
        a.mov(EAX, DATA);
        a.mov(Segment.DS, EAX);
        a.mov(Segment.ES, EAX);
        a.mov(Segment.SS, EAX);
        a.lidt(at(idtPointer));
        // The interrupt controllers first: initialising them forgets the edges they have seen.
        a.call(platform.initialise);
        a.sti();
        a.call(serial.initialise);
        a.lea(RBX, at(serial.port[0]));
        a.call(boot.read);
        text.print("\n" + BANNER + "; help lists the commands\n" + PROMPT);
    }

    /** Sleeps until a port has input it may echo, or the power button was pressed. */
    private void emitMainLoop() {
        Label pressed = new Label("pressed");
        Label first = new Label("first");
        Label firstEcho = new Label("firstEcho");
        Label main = a.here("main");
        a.cli();
        a.cmp(at(platform.buttonPresses).asQword(), 0);
        a.jump(NOT_EQUAL, pressed);
        for (int i = 0; i < GuestSerial.PORTS; i++) {
            Label quiet = new Label("quiet");
            a.lea(RBX, at(serial.port[i]));
            a.mov(EAX, at(RBX, GuestSerial.RX_HEAD));
            a.cmp(EAX, at(RBX, GuestSerial.RX_TAIL));
            a.jump(EQUAL, quiet);
            if (i == 0) {
                a.jmp(first);
            } else {
                // A port whose peer does not read must not hold up the others.
                a.mov(ECX, at(RBX, GuestSerial.TX_HEAD));
                a.alu(Alu.SUB, ECX, at(RBX, GuestSerial.TX_TAIL));
                a.cmp(ECX, GuestSerial.BUFFER_BYTES);
                a.jump(BELOW, firstEcho);
            }
            a.bind(quiet);
        }
        a.sti();
        a.hlt();
        a.jmp(main);

        a.bind(firstEcho);
        a.call(serial.takeByte);
        a.call(serial.putByte);
        a.jmp(main);

        a.bind(first);
        a.call(serial.takeByte);
        a.call(character);
        a.jmp(main);

        a.bind(pressed);
        a.mov(at(platform.buttonPresses).asQword(), 0);
        a.sti();
        a.lea(RBX, at(serial.port[0]));
        a.call(commands.button);
        text.print(PROMPT);
        a.jmp(main);
    }

    /** One byte typed on COM1, in AL: part of a line, or echoed as it is after {@code cat}. */
    private void emitCharacter() {
        Label edit = new Label("edit");
        Label endCat = new Label("endCat");
        Label enter = new Label("enter");
        Label erase = new Label("erase");
        Label nothing = new Label("nothing");
        Label maybeLineFeed = new Label("maybeLineFeed");
        a.bind(character);
        a.cmp(at(commands.catMode).asDword(), 0);
        a.jump(EQUAL, edit);
        a.cmp(AL, CTRL_D);
        a.jump(EQUAL, endCat);
        a.jmp(serial.putByte);
        a.bind(endCat);
        a.mov(at(commands.catMode).asDword(), 0);
        text.print("\n" + PROMPT);
        a.ret();

        a.bind(edit);
        a.movzx(EDX, at(lastByte).asByte());
        a.mov(at(lastByte), AL);
        a.mov(ECX, at(lineLength));
        a.cmp(AL, '\r');
        a.jump(EQUAL, enter);
        a.cmp(AL, '\n');
        a.jump(EQUAL, maybeLineFeed);
        a.cmp(AL, '\b');
        a.jump(EQUAL, erase);
        a.cmp(AL, 0x7f);
        a.jump(EQUAL, erase);
        a.cmp(AL, ' ');
        a.jump(BELOW, nothing);
        a.cmp(ECX, GuestCommands.LINE_BYTES - 1);
        a.jump(NOT_BELOW, nothing);
        a.lea(RDX, at(commands.line));
        a.mov(at(RDX, RCX, 1, 0), AL);
        a.inc(at(lineLength).asDword());
        a.jmp(serial.putByte);

        a.bind(erase);
        a.test(ECX, ECX);
        a.jump(ZERO, nothing);
        a.dec(ECX);
        a.mov(at(lineLength), ECX);
        text.print("\b \b");
        a.bind(nothing);
        a.ret();

        // CR LF is one end of line.
        a.bind(maybeLineFeed);
        a.cmp(DL, '\r');
        a.jump(EQUAL, nothing);
        a.bind(enter);
        a.lea(RDX, at(commands.line));
        a.mov(at(RDX, RCX, 1, 0).asByte(), 0);
        a.mov(at(lineLength).asDword(), 0);
        text.print("\n");
        a.call(commands.dispatch);
        a.cmp(at(commands.catMode).asDword(), 0);
        a.jump(NOT_ZERO, nothing);
        text.print(PROMPT);
        a.ret();
    }

    /** Says what happened, without interrupts, and stops. */
    private void emitExceptions() {
        for (int vector = 0; vector < EXCEPTIONS; vector++) {
            exceptions[vector] = a.here("exception " + vector);
            if ((WITH_ERROR_CODE >>> vector & 1) == 0) {
                a.push(0);
            }
            a.push(vector);
            a.jmp(exception);
        }
        a.bind(exception);
        a.lea(RBX, at(serial.port[0]));
        for (String part : new String[] {"\r\nexception ", " error ", " at "}) {
            Label next = new Label("next");
            Label end = new Label("end");
            Label digit = new Label("digit");
            a.lea(RSI, at(text.constant(part)));
            a.bind(next);
            a.lodsb();
            a.test(AL, AL);
            a.jump(ZERO, end);
            a.call(serial.putByteNow);
            a.jmp(next);
            a.bind(end);
            a.pop(RDI);
            a.mov(RBP, 8);
            a.bind(digit);
            a.mov(EAX, EDI);
            a.shr(EAX, 28);
            a.add(EAX, '0');
            Label decimal = new Label("decimal");
            a.cmp(EAX, '9');
            a.jump(Condition.NOT_ABOVE, decimal);
            a.add(EAX, 'a' - '0' - 10);
            a.bind(decimal);
            a.call(serial.putByteNow);
            a.shl(EDI, 4);
            a.dec(EBP);
            a.jump(NOT_ZERO, digit);
        }
        Label stop = a.here("stop");
        a.cli();
        a.hlt();
        a.jmp(stop);

        a.bind(ignore);
        a.iretq();
    }

    /** Flat segments as long mode wants them, and the interrupt table. */
    private void emitTables() {
        a.align(16);
        a.bind(gdt);
        a.dq(0);
        a.dq(0x00af9a000000ffffL);
        a.dq(0x00cf92000000ffffL);
        a.bind(gdtPointer);
        a.dw(3 * 8 - 1);
        a.dq(gdt, 0);
        a.align(16);
        a.bind(idt);
        for (int vector = 0; vector < VECTORS; vector++) {
            Label handler = vector < EXCEPTIONS
                    ? exceptions[vector]
                    : switch (vector - GuestPlatform.FIRST_VECTOR) {
                        case 3 -> serial.irq3;
                        case 4 -> serial.irq4;
                        case GuestPlatform.RTC_IRQ -> platform.irq8;
                        case GuestPlatform.SCI_IRQ -> platform.irq9;
                        default -> ignore;
                    };
            a.interruptGate(handler, CODE);
        }
        a.bind(idtPointer);
        a.dw(VECTORS * 16 - 1);
        a.dq(idt, 0);
    }

    /** Only PVH comes without paging: the first GiB, identity-mapped in pages of 2 MiB. */
    private void emitPageTables(Entry entry) {
        a.align(PAGE);
        a.bind(pml4);
        if (entry == Entry.LINUX_64) {
            return;
        }
        Label pdpt = new Label("pdpt");
        Label directory = new Label("directory");
        a.dq(pdpt, PRESENT_WRITABLE);
        a.align(PAGE);
        a.bind(pdpt);
        a.dq(directory, PRESENT_WRITABLE);
        a.align(PAGE);
        a.bind(directory);
        for (long i = 0; i < 512; i++) {
            a.dq(i << 21 | LARGE_PAGE | PRESENT_WRITABLE);
        }
    }

    private void emitZeroedData() {
        serial.emitZeroedData();
        text.emitZeroedData();
        platform.emitZeroedData();
        boot.emitZeroedData();
        commands.emitZeroedData();
        a.align(8);
        a.bind(lineLength);
        a.dq(0);
        a.bind(lastByte);
        a.dq(0);
        a.align(16);
        a.reserve(STACK_BYTES);
        a.bind(stackTop);
    }
}
