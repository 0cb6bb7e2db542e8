package io.jvmm.supervisor.demo;

import static io.jvmm.supervisor.demo.Condition.EQUAL;
import static io.jvmm.supervisor.demo.Condition.NOT_EQUAL;
import static io.jvmm.supervisor.demo.Condition.NOT_ZERO;
import static io.jvmm.supervisor.demo.Condition.ZERO;
import static io.jvmm.supervisor.demo.Mem.at;
import static io.jvmm.supervisor.demo.Register.*;

import io.jvmm.supervisor.demo.Assembler.Alu;
import java.util.ArrayList;
import java.util.List;

/**
 * What the guest does for a line typed on COM1. Each command is a routine that finds its arguments at RSI and COM1 in
 * RBX.
 */
final class GuestCommands {
    private record Command(String name, String help, Label routine) {}

    /** Sleep type of S5 in our DSDT. */
    private static final int SLEEP_TYPE_OFF = 5;

    private static final int DEBUG_CONSOLE = 0x402;
    private static final int RESET_CONTROL = 0xcf9;
    private static final int UART_REGISTERS = 8;
    /** Lines of output of the flood, by default. */
    private static final int FLOOD_LINES = 1000;

    /** Runs the line at {@link #line}, zero-terminated. */
    final Label dispatch = new Label("dispatch");
    /** Prints what is pending of the power button, and acts on it. */
    final Label button = new Label("button");

    final Label line = new Label("line");
    static final int LINE_BYTES = 128;
    /** Non-zero while COM1 echoes everything instead of taking lines. */
    final Label catMode = new Label("catMode");

    private final Label table = new Label("commands");
    private final Label noteButton = new Label("noteButton");
    private final Label savedArguments = new Label("savedArguments");
    private final List<Command> commands = new ArrayList<>();
    private final Assembler a;
    private final GuestText text;
    private final GuestSerial serial;
    private final GuestPlatform platform;
    private final GuestBootInfo boot;

    GuestCommands(Assembler a, GuestText text, GuestSerial serial, GuestPlatform platform, GuestBootInfo boot) {
        this.a = a;
        this.text = text;
        this.serial = serial;
        this.platform = platform;
        this.boot = boot;
    }

    void emitCode() {
        emitDispatch();
        command("help", "this list", this::emitHelp);
        command("time", "what the real-time clock says", this::emitTime);
        command("tick", "periodic clock interrupts in one second", this::emitTick);
        command("boot", "command line, initrd and memory map as the loader gave them", () -> a.jmp(boot.print));
        command("regs", "control registers", this::emitRegs);
        command("uart", "registers of COM1, interrupts so far", this::emitUart);
        command("cat", "echo every byte until Ctrl-D", () -> {
            a.mov(at(catMode).asDword(), 1);
            a.ret();
        });
        command("flood", "[N] print N lines (1000)", this::emitFlood);
        command("in", "PORT  read a byte (hexadecimal)", () -> emitIn(1));
        command("inw", "PORT  read two bytes", () -> emitIn(2));
        command("inl", "PORT  read four bytes", () -> emitIn(4));
        command("out", "PORT VALUE  write a byte", () -> emitOut(1));
        command("outl", "PORT VALUE  write four bytes", () -> emitOut(4));
        command("bench", "PORT N  time N reads by the ACPI timer", this::emitBench);
        command("debug", "TEXT  write to the debug console", this::emitDebug);
        command("button", "report the next power button instead of powering off", () -> {
            a.mov(at(noteButton).asDword(), 1);
            a.ret();
        });
        command("off", "[TYPE] power off through ACPI", this::emitOff);
        command("reset", "reset through the keyboard controller", () -> {
            a.call(serial.drain);
            a.call(platform.reset);
            text.print("still here\n");
            a.ret();
        });
        command("cf9", "reset through the reset control register", this::emitResetControl);
        command("crash", "triple fault", this::emitCrash);
        command("hang", "loop for ever, deaf to interrupts", () -> {
            a.call(serial.drain);
            a.cli();
            Label self = a.here("self");
            a.jmp(self);
        });
        emitButton();
    }

    private void command(String name, String help, Runnable emit) {
        Command command = new Command(name, help, new Label("command " + name));
        commands.add(command);
        a.bind(command.routine);
        emit.run();
    }

    void emitData() {
        a.align(8);
        a.bind(table);
        for (Command command : commands) {
            a.dq(text.constant(command.name), 0);
            a.dq(command.routine, 0);
            a.dq(text.constant(command.help), 0);
        }
        a.dq(0);
    }

    void emitZeroedData() {
        a.align(8);
        a.bind(line);
        a.reserve(LINE_BYTES);
        a.bind(catMode);
        a.dq(0);
        a.bind(noteButton);
        a.dq(0);
        a.bind(savedArguments);
        a.dq(0);
    }

    private void emitDispatch() {
        Label next = new Label("next");
        Label compare = new Label("compare");
        Label endOfName = new Label("endOfName");
        Label skip = new Label("skip");
        Label unknown = new Label("unknown");
        Label nothing = new Label("nothing");
        a.bind(dispatch);
        a.cmp(at(line).asByte(), 0);
        a.jump(EQUAL, nothing);
        a.lea(RDX, at(table));
        a.bind(next);
        a.mov(RDI, at(RDX));
        a.test(RDI, RDI);
        a.jump(ZERO, unknown);
        a.lea(RSI, at(line));
        a.bind(compare);
        a.movzx(EAX, at(RDI).asByte());
        a.test(AL, AL);
        a.jump(ZERO, endOfName);
        a.cmp(AL, at(RSI));
        a.jump(NOT_EQUAL, skip);
        a.inc(RDI);
        a.inc(RSI);
        a.jmp(compare);
        a.bind(endOfName);
        text.requireEndOfWord(skip);
        a.jmp(at(RDX, 8));
        a.bind(skip);
        a.add(RDX, 24);
        a.jmp(next);
        a.bind(unknown);
        text.print("unknown command; try help\n");
        a.bind(nothing);
        a.ret();
    }

    private void emitHelp() {
        Label done = new Label("done");
        a.lea(RDX, at(table));
        Label next = a.here("next");
        a.cmp(at(RDX).asQword(), 0);
        a.jump(EQUAL, done);
        a.push(RDX);
        text.print("  ");
        a.mov(RDX, at(RSP));
        a.mov(RSI, at(RDX));
        a.call(text.putText);
        text.print("\t");
        a.mov(RDX, at(RSP));
        a.mov(RSI, at(RDX, 16));
        a.call(text.putText);
        text.print("\n");
        a.pop(RDX);
        a.add(RDX, 24);
        a.jmp(next);
        a.bind(done);
        a.ret();
    }

    /** YYYY-MM-DD hh:mm:ss; a century that is none counts as 20. */
    private void emitTime() {
        Label century = new Label("century");
        a.call(platform.readTime);
        a.movzx(EAX, at(platform.clock, 6).asByte());
        a.cmp(EAX, 19);
        a.jump(EQUAL, century);
        a.mov(EAX, 20);
        a.bind(century);
        text.printDecimal(2);
        clockField(5, "-");
        clockField(4, "-");
        clockField(3, " ");
        clockField(2, ":");
        clockField(1, ":");
        clockField(0, "\n");
        a.ret();
    }

    private void clockField(int index, String after) {
        a.movzx(EAX, at(platform.clock, index).asByte());
        text.printDecimal(2);
        text.print(after);
    }

    private void emitTick() {
        a.call(platform.countTicks);
        text.printDecimal(1);
        text.print(" ticks in one second at " + GuestPlatform.PERIODIC_HZ + " Hz\n");
        a.ret();
    }

    private void emitRegs() {
        for (int control : new int[] {0, 3, 4}) {
            text.print("CR" + control + " ");
            a.movFromControl(RAX, control);
            text.printHex(16);
            text.print("\n");
        }
        text.print("EFER ");
        a.mov(ECX, 0xc0000080L);
        a.rdmsr();
        text.printHex(4);
        text.print("\n");
        a.ret();
    }

    private void emitUart() {
        String[] names = {"RBR", "IER", "IIR", "LCR", "MCR", "LSR", "MSR", "SCR"};
        a.call(serial.drain);
        for (int i = 1; i < UART_REGISTERS; i++) {
            text.print(names[i] + " ");
            a.call(serial.drain);
            a.mov(EDX, at(RBX, GuestSerial.BASE));
            a.add(EDX, i);
            a.inAlDx();
            text.printHex(2);
            text.print(" ");
        }
        text.print("irq4 ");
        a.mov(RAX, at(serial.irq4Count));
        text.printDecimal(1);
        text.print(" irq3 ");
        a.mov(RAX, at(serial.irq3Count));
        text.printDecimal(1);
        text.print(" errors ");
        a.mov(EAX, at(RBX, GuestSerial.LINE_ERRORS));
        text.printDecimal(1);
        text.print(" ports");
        for (int i = 0; i < GuestSerial.PORTS; i++) {
            Label absent = new Label("absent");
            a.cmp(at(serial.port[i], GuestSerial.PRESENT).asDword(), 0);
            a.jump(EQUAL, absent);
            text.print(" " + (i + 1));
            a.bind(absent);
        }
        text.print("\n");
        a.ret();
    }

    private void emitFlood() {
        Label given = new Label("given");
        a.call(text.parseDecimal);
        a.test(RAX, RAX);
        a.jump(NOT_ZERO, given);
        a.mov(EAX, FLOOD_LINES);
        a.bind(given);
        a.push(RBP);
        a.mov(RBP, RAX);
        a.zero(EAX);
        Label next = a.here("next");
        a.push(RAX);
        text.printDecimal(8);
        text.print(" 0123456789abcdefghijklmnopqrstuvwxyz\n");
        a.pop(RAX);
        a.inc(RAX);
        a.cmp(RAX, RBP);
        a.jump(NOT_EQUAL, next);
        a.pop(RBP);
        a.ret();
    }

    private void emitIn(int widthBytes) {
        a.call(text.parseHex);
        a.mov(EDX, EAX);
        a.zero(EAX);
        switch (widthBytes) {
            case 1 -> a.inAlDx();
            case 2 -> a.inAxDx();
            default -> a.inEaxDx();
        }
        text.printHex(2 * widthBytes);
        text.print("\n");
        a.ret();
    }

    private void emitOut(int widthBytes) {
        a.call(text.parseHex);
        a.push(RAX);
        a.call(text.parseHex);
        a.pop(RDX);
        if (widthBytes == 1) {
            a.outDxAl();
        } else {
            a.outDxEax();
        }
        a.ret();
    }

    /** Prints "N reads, T ticks of 3579545 Hz". */
    private void emitBench() {
        a.call(serial.drain);
        a.call(text.parseHex);
        a.push(RAX);
        a.call(text.parseDecimal);
        a.or(EAX, 1);
        a.mov(ECX, EAX);
        a.mov(ESI, EAX);
        a.mov(EDX, GuestPlatform.PM_TIMER);
        a.inEaxDx();
        a.mov(EDI, EAX);
        a.pop(RDX);
        Label next = a.here("next");
        a.inAlDx();
        a.dec(ECX);
        a.jump(NOT_ZERO, next);
        a.mov(EDX, GuestPlatform.PM_TIMER);
        a.inEaxDx();
        a.sub(EAX, EDI);
        // The timer may have 24 or 32 bits.
        a.and(EAX, 0xffffff);
        a.push(RAX);
        a.mov(EAX, ESI);
        text.printDecimal(1);
        text.print(" reads, ");
        a.pop(RAX);
        text.printDecimal(1);
        text.print(" ticks of 3579545 Hz\n");
        a.ret();
    }

    private void emitDebug() {
        Label done = new Label("done");
        a.mov(EDX, DEBUG_CONSOLE);
        a.cmp(at(RSI).asByte(), 0);
        a.jump(EQUAL, done);
        a.inc(RSI);
        Label next = a.here("next");
        a.lodsb();
        a.test(AL, AL);
        a.jump(ZERO, done);
        a.outDxAl();
        a.jmp(next);
        a.bind(done);
        a.mov(AL, '\n');
        a.outDxAl();
        a.ret();
    }

    private void emitOff() {
        Label typed = new Label("typed");
        a.mov(at(savedArguments), RSI);
        a.call(serial.drain);
        a.mov(RSI, at(savedArguments));
        a.cmp(at(RSI).asByte(), ' ');
        a.jump(EQUAL, typed);
        a.mov(ECX, SLEEP_TYPE_OFF);
        a.call(platform.powerOff);
        text.print("still here\n");
        a.ret();
        a.bind(typed);
        a.call(text.parseDecimal);
        a.mov(ECX, EAX);
        a.call(platform.powerOff);
        text.print("still here\n");
        a.ret();
    }

    private void emitResetControl() {
        a.call(serial.drain);
        a.mov(EDX, RESET_CONTROL);
        a.mov(AL, 2);
        a.outDxAl();
        a.mov(AL, 6);
        a.outDxAl();
        a.hlt();
        a.ret();
    }

    /** An exception with an empty interrupt table, then the double fault's, then shutdown (SDM 3A 6.15). */
    private void emitCrash() {
        a.call(serial.drain);
        a.cli();
        a.push(0);
        a.push(0);
        a.lidt(at(RSP));
        a.ud2();
    }

    private void emitButton() {
        Label note = new Label("note");
        a.bind(button);
        a.alu(Alu.CMP, at(noteButton).asDword(), 0);
        a.jump(NOT_EQUAL, note);
        text.print("\npower button: powering off\n");
        a.call(serial.drain);
        a.mov(ECX, SLEEP_TYPE_OFF);
        a.jmp(platform.powerOff);
        a.bind(note);
        a.mov(at(noteButton).asDword(), 0);
        text.print("\npower button\n");
        a.ret();
    }
}
