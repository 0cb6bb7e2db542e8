package io.jvmm.supervisor.demo;

import static io.jvmm.supervisor.demo.Condition.ABOVE;
import static io.jvmm.supervisor.demo.Condition.EQUAL;
import static io.jvmm.supervisor.demo.Condition.NOT_ABOVE;
import static io.jvmm.supervisor.demo.Condition.NOT_EQUAL;
import static io.jvmm.supervisor.demo.Condition.NOT_ZERO;
import static io.jvmm.supervisor.demo.Condition.ZERO;
import static io.jvmm.supervisor.demo.Mem.at;
import static io.jvmm.supervisor.demo.Register.*;

import java.util.ArrayList;
import java.util.List;

/** Text in and out for the guest: strings and numbers on the port in RBX. Routines change RAX, RCX, RDX, RSI, RDI. */
final class GuestText {
    private record Text(Label label, String text) {}

    private static final int MAX_DIGITS = 20;

    /** Prints the zero-terminated text at RSI, with CR before LF. */
    final Label putText = new Label("putText");
    /** Prints RAX in decimal, with at least CL digits. */
    final Label putDecimal = new Label("putDecimal");
    /** Prints the low CL digits of RAX in hexadecimal. */
    final Label putHex = new Label("putHex");
    /** RAX = the hexadecimal number at RSI after blanks, RSI moves behind it; 0 where there is none. */
    final Label parseHex = new Label("parseHex");
    /** RAX = the decimal number at RSI, likewise. */
    final Label parseDecimal = new Label("parseDecimal");

    private final Assembler a;
    private final Label putByte;
    private final Label digits = new Label("digits");
    private final List<Text> texts = new ArrayList<>();

    GuestText(Assembler a, Label putByte) {
        this.a = a;
        this.putByte = putByte;
    }

    /** A constant text, placed with the data. */
    Label constant(String text) {
        for (Text known : texts) {
            if (known.text.equals(text)) {
                return known.label;
            }
        }
        Text added = new Text(new Label("\"" + text + "\""), text);
        texts.add(added);
        return added.label;
    }

    /** Code that prints a constant text. */
    void print(String text) {
        a.lea(RSI, at(constant(text)));
        a.call(putText);
    }

    /** Code that prints the low digits of RAX. */
    void printHex(int digitCount) {
        a.mov(ECX, digitCount);
        a.call(putHex);
    }

    /** Code that prints RAX in decimal. */
    void printDecimal(int leastDigits) {
        a.mov(ECX, leastDigits);
        a.call(putDecimal);
    }

    void emitCode() {
        emitPutText();
        emitPutDecimal();
        emitPutHex();
        emitParse(parseHex, true);
        emitParse(parseDecimal, false);
    }

    void emitData() {
        for (Text text : texts) {
            a.bind(text.label);
            a.text(text.text);
        }
    }

    void emitZeroedData() {
        a.bind(digits);
        a.reserve(MAX_DIGITS);
    }

    private void emitPutText() {
        Label done = new Label("done");
        Label plain = new Label("plain");
        a.bind(putText);
        Label next = a.here("next");
        a.lodsb();
        a.test(AL, AL);
        a.jump(ZERO, done);
        a.cmp(AL, '\n');
        a.jump(NOT_EQUAL, plain);
        a.mov(AL, '\r');
        a.call(putByte);
        a.mov(AL, '\n');
        a.bind(plain);
        a.call(putByte);
        a.jmp(next);
        a.bind(done);
        a.ret();
    }

    /** Digits from the last to the first into a buffer, then out. */
    private void emitPutDecimal() {
        a.bind(putDecimal);
        a.lea(RDI, at(digits, MAX_DIGITS));
        a.mov(RSI, RDI);
        Label next = a.here("next");
        Label enough = new Label("enough");
        a.zero(EDX);
        a.push(RCX);
        a.mov(ECX, 10);
        a.div(RCX);
        a.pop(RCX);
        a.add(EDX, '0');
        a.dec(RDI);
        a.mov(at(RDI), DL);
        a.test(ECX, ECX);
        a.jump(ZERO, enough);
        a.dec(ECX);
        a.bind(enough);
        a.mov(RDX, RAX);
        a.or(RDX, RCX);
        a.jump(NOT_ZERO, next);
        Label print = a.here("print");
        a.mov(AL, at(RDI));
        a.call(putByte);
        a.inc(RDI);
        a.cmp(RDI, RSI);
        a.jump(NOT_EQUAL, print);
        a.ret();
    }

    private void emitPutHex() {
        Label letter = new Label("letter");
        a.bind(putHex);
        a.lea(RDI, at(digits));
        a.mov(ESI, ECX);
        a.mov(RDX, RAX);
        Label next = a.here("next");
        a.mov(EAX, EDX);
        a.shr(RDX, 4);
        a.and(EAX, 15);
        a.add(EAX, '0');
        a.cmp(EAX, '9');
        a.jump(NOT_ABOVE, letter);
        a.add(EAX, 'a' - '0' - 10);
        a.bind(letter);
        a.dec(ESI);
        a.mov(at(RDI, RSI, 1, 0), AL);
        a.jump(NOT_ZERO, next);
        Label print = a.here("print");
        a.mov(AL, at(RDI));
        a.call(putByte);
        a.inc(RDI);
        a.dec(ECX);
        a.jump(NOT_ZERO, print);
        a.ret();
    }

    private void emitParse(Label entry, boolean hexadecimal) {
        Label done = new Label("done");
        Label take = new Label("take");
        a.bind(entry);
        a.zero(EAX);
        Label blanks = a.here("blanks");
        Label next = new Label("next");
        a.cmp(at(RSI).asByte(), ' ');
        a.jump(NOT_EQUAL, next);
        a.inc(RSI);
        a.jmp(blanks);
        a.bind(next);
        a.movzx(EDX, at(RSI).asByte());
        a.sub(EDX, '0');
        a.cmp(EDX, 9);
        a.jump(NOT_ABOVE, take);
        if (hexadecimal) {
            a.or(EDX, 0x20);
            a.sub(EDX, 'a' - '0');
            a.cmp(EDX, 5);
            a.jump(ABOVE, done);
            a.add(EDX, 10);
        } else {
            a.jmp(done);
        }
        a.bind(take);
        if (hexadecimal) {
            a.shl(RAX, 4);
        } else {
            a.lea(RAX, at(RAX, RAX, 4, 0));
            a.add(RAX, RAX);
        }
        a.add(RAX, RDX);
        a.inc(RSI);
        a.jmp(next);
        a.bind(done);
        a.ret();
    }

    /** Code that compares the byte at RSI with zero or a blank: jumps where neither is there. */
    void requireEndOfWord(Label otherwise) {
        Label end = new Label("end");
        a.cmp(at(RSI).asByte(), 0);
        a.jump(EQUAL, end);
        a.cmp(at(RSI).asByte(), ' ');
        a.jump(NOT_EQUAL, otherwise);
        a.bind(end);
    }
}
