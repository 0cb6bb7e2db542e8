package io.jvmm.supervisor.demo;

import static io.jvmm.supervisor.demo.Condition.EQUAL;
import static io.jvmm.supervisor.demo.Condition.NOT_ZERO;
import static io.jvmm.supervisor.demo.Condition.ZERO;
import static io.jvmm.supervisor.demo.Mem.at;
import static io.jvmm.supervisor.demo.Register.*;

/**
 * What the loader told the guest, by either protocol: the zero page of Linux (Documentation/arch/x86/zero-page.rst) or
 * the start info of PVH (Xen, include/public/arch-x86/hvm/start_info.h).
 */
final class GuestBootInfo {
    /** Called with one of the two pointers below set. */
    final Label read = new Label("readBootInfo");
    /** Prints it all. */
    final Label print = new Label("printBootInfo");

    final Label zeroPage = new Label("zeroPage");
    final Label startInfo = new Label("startInfo");

    private final Label commandLine = new Label("commandLine");
    private final Label initrd = new Label("initrd");
    private final Label initrdBytes = new Label("initrdBytes");
    private final Label map = new Label("memoryMap");
    private final Label mapEntries = new Label("mapEntries");
    private final Label mapStride = new Label("mapStride");
    private final Assembler a;
    private final GuestText text;

    GuestBootInfo(Assembler a, GuestText text) {
        this.a = a;
        this.text = text;
    }

    void emitCode() {
        emitRead();
        emitPrint();
    }

    void emitZeroedData() {
        a.align(8);
        for (Label word :
                new Label[] {zeroPage, startInfo, commandLine, initrd, initrdBytes, map, mapEntries, mapStride}) {
            a.bind(word);
            a.dq(0);
        }
    }

    private void emitRead() {
        Label pvh = new Label("pvh");
        Label done = new Label("done");
        a.bind(read);
        a.mov(RSI, at(zeroPage));
        a.test(RSI, RSI);
        a.jump(ZERO, pvh);
        copy32(0x228, commandLine);
        copy32(0x218, initrd);
        copy32(0x21c, initrdBytes);
        a.movzx(EAX, at(RSI, 0x1e8).asByte());
        a.mov(at(mapEntries), RAX);
        a.lea(RAX, at(RSI, 0x2d0));
        a.mov(at(map), RAX);
        a.mov(at(mapStride).asQword(), 20);
        a.ret();
        a.bind(pvh);
        a.mov(RSI, at(startInfo));
        a.test(RSI, RSI);
        a.jump(ZERO, done);
        copy64(0x18, commandLine);
        copy64(0x28, map);
        copy32(0x30, mapEntries);
        a.mov(at(mapStride).asQword(), 24);
        a.cmp(at(RSI, 0x0c).asDword(), 0);
        a.jump(EQUAL, done);
        a.mov(RSI, at(RSI, 0x10));
        copy64(0, initrd);
        copy64(8, initrdBytes);
        a.bind(done);
        a.ret();
    }

    private void copy32(int offset, Label to) {
        a.mov(EAX, at(RSI, offset));
        a.mov(at(to), RAX);
    }

    private void copy64(int offset, Label to) {
        a.mov(RAX, at(RSI, offset));
        a.mov(at(to), RAX);
    }

    private void emitPrint() {
        Label noCommandLine = new Label("noCommandLine");
        Label next = new Label("next");
        Label done = new Label("done");
        a.bind(print);
        text.print("command line: ");
        a.mov(RSI, at(commandLine));
        a.test(RSI, RSI);
        a.jump(ZERO, noCommandLine);
        a.call(text.putText);
        a.bind(noCommandLine);
        text.print("\ninitrd: ");
        a.mov(RAX, at(initrdBytes));
        text.printDecimal(1);
        text.print(" bytes, sum ");
        emitInitrdSum();
        text.printHex(8);
        text.print("\n");
        a.push(RBP);
        a.push(R12);
        a.mov(RBP, at(map));
        a.mov(R12, at(mapEntries));
        a.bind(next);
        a.test(R12, R12);
        a.jump(ZERO, done);
        text.print("memory: ");
        a.mov(RAX, at(RBP));
        text.printHex(16);
        text.print(" ");
        a.mov(RAX, at(RBP, 8));
        text.printHex(16);
        text.print(" type ");
        a.mov(EAX, at(RBP, 16));
        text.printDecimal(1);
        text.print("\n");
        a.alu(Assembler.Alu.ADD, RBP, at(mapStride));
        a.dec(R12);
        a.jmp(next);
        a.bind(done);
        a.pop(R12);
        a.pop(RBP);
        a.ret();
    }

    /** EAX = the sum of all bytes of the initrd. */
    private void emitInitrdSum() {
        Label empty = new Label("empty");
        a.zero(EDX);
        a.mov(RSI, at(initrd));
        a.mov(RCX, at(initrdBytes));
        a.test(RCX, RCX);
        a.jump(ZERO, empty);
        Label add = a.here("add");
        a.movzx(EAX, at(RSI).asByte());
        a.add(EDX, EAX);
        a.inc(RSI);
        a.dec(RCX);
        a.jump(NOT_ZERO, add);
        a.bind(empty);
        a.mov(EAX, EDX);
    }
}
