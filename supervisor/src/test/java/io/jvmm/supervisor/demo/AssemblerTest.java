package io.jvmm.supervisor.demo;

import static io.jvmm.supervisor.demo.Mem.at;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.fail;

import io.jvmm.ipc.TestSeed;
import io.jvmm.supervisor.demo.Assembler.Alu;
import io.jvmm.supervisor.demo.Assembler.Segment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Holds every encoding against GNU as, byte for byte. */
class AssemblerTest {
    private static final long ORIGIN = 0x200000;

    private static final List<Alu> ALL_ALU = List.of(Alu.values());

    @TempDir
    private Path dir;

    private final StringBuilder source = new StringBuilder(".intel_syntax noprefix\n");
    private final Assembler ours = new Assembler(ORIGIN);
    private final List<Integer> starts = new ArrayList<>();
    private final List<String> lines = new ArrayList<>();

    private void same(String gnu, Runnable emit) {
        starts.add(ours.size());
        lines.add(gnu);
        source.append(gnu).append('\n');
        emit.run();
    }

    @Test
    void registerForms() throws Exception {
        for (Register a : Register.values()) {
            for (Register b : Register.values()) {
                if (a.widthBytes == b.widthBytes) {
                    same("mov " + name(a) + ", " + name(b), () -> ours.mov(a, b));
                    same("test " + name(a) + ", " + name(b), () -> ours.test(a, b));
                    for (Alu alu : Alu.values()) {
                        same(name(alu) + " " + name(a) + ", " + name(b), () -> ours.alu(alu, a, b));
                    }
                }
                if (a.widthBytes == 4 && b.widthBytes <= 2) {
                    same("movzx " + name(a) + ", " + name(b), () -> ours.movzx(a, b));
                }
            }
            same("inc " + name(a), () -> ours.inc(a));
            same("dec " + name(a), () -> ours.dec(a));
            same("mul " + name(a), () -> ours.mul(a));
            same("div " + name(a), () -> ours.div(a));
            same("not " + name(a), () -> ours.not(a));
            for (int count : new int[] {1, 4, 7}) {
                same("shl " + name(a) + ", " + count, () -> ours.shl(a, count));
                same("shr " + name(a) + ", " + count, () -> ours.shr(a, count));
            }
            if (a.widthBytes == 8) {
                same("push " + name(a), () -> ours.push(a));
                same("pop " + name(a), () -> ours.pop(a));
            }
        }
        compare();
    }

    @Test
    void immediates() throws Exception {
        int[] values = {0, 1, -1, 0x7f, 0x80, -0x80, -0x81, 0x1234, 0x12345678};
        for (Register r : Register.values()) {
            for (int value : values) {
                if ((r.widthBytes == 1 && value != (byte) value) || (r.widthBytes == 2 && value != (short) value)) {
                    continue;
                }
                same("mov " + name(r) + ", " + value, () -> ours.mov(r, value));
                same("test " + name(r) + ", " + value, () -> ours.test(r, value));
                for (Alu alu : Alu.values()) {
                    same(name(alu) + " " + name(r) + ", " + value, () -> ours.alu(alu, r, value));
                }
            }
        }
        same("mov rax, 0x123456789abcdef0", () -> ours.mov(Register.RAX, 0x123456789abcdef0L));
        same("mov r11, 0xfee00000", () -> ours.mov(Register.R11, 0xfee00000L));
        same("mov eax, 0xfee00000", () -> ours.mov(Register.EAX, 0xfee00000L));
        same("push 0x10", () -> ours.push(0x10));
        same("push 0x1234", () -> ours.push(0x1234));
        compare();
    }

    @Test
    void memoryForms() throws Exception {
        Register[] bases = {
            Register.RAX,
            Register.RBX,
            Register.RSP,
            Register.RBP,
            Register.RDI,
            Register.R8,
            Register.R12,
            Register.R13
        };
        for (Register base : bases) {
            for (int displacement : new int[] {0, 1, -1, 0x7f, 0x80, -0x1000}) {
                memory("[" + name(base) + " + " + displacement + "]", at(base, displacement));
                for (Register index : bases) {
                    if (index != Register.RSP) {
                        for (int scale : new int[] {1, 8}) {
                            String text =
                                    "[" + name(base) + " + " + name(index) + "*" + scale + " + " + displacement + "]";
                            memory(text, at(base, index, scale, displacement));
                        }
                    }
                }
            }
        }
        memory("ds:[0x1000]", Mem.absolute(0x1000));
        compare();
    }

    private void memory(String text, Mem m) {
        for (Register r :
                new Register[] {Register.RAX, Register.R9, Register.EDX, Register.DX, Register.CL, Register.SIL}) {
            same("mov " + name(r) + ", " + text, () -> ours.mov(r, m));
            same("mov " + text + ", " + name(r), () -> ours.mov(m, r));
            same("sub " + name(r) + ", " + text, () -> ours.alu(Alu.SUB, r, m));
            same("cmp " + text + ", " + name(r), () -> ours.alu(Alu.CMP, m, r));
            if (r.widthBytes == 8) {
                same("lea " + name(r) + ", " + text, () -> ours.lea(r, m));
            }
            if (r.widthBytes >= 4) {
                same("movzx " + name(r) + ", byte ptr " + text, () -> ours.movzx(r, m.asByte()));
                same("movzx " + name(r) + ", word ptr " + text, () -> ours.movzx(r, m.asWord()));
            }
        }
        same("mov byte ptr " + text + ", 5", () -> ours.mov(m.asByte(), 5));
        same("mov word ptr " + text + ", 5", () -> ours.mov(m.asWord(), 5));
        same("mov dword ptr " + text + ", 5", () -> ours.mov(m.asDword(), 5));
        same("mov qword ptr " + text + ", -5", () -> ours.mov(m.asQword(), -5));
        same("cmp byte ptr " + text + ", 5", () -> ours.cmp(m.asByte(), 5));
        same("cmp dword ptr " + text + ", 5", () -> ours.cmp(m.asDword(), 5));
        same("cmp dword ptr " + text + ", 500", () -> ours.cmp(m.asDword(), 500));
        same("and word ptr " + text + ", 500", () -> ours.alu(Alu.AND, m.asWord(), 500));
        same("test byte ptr " + text + ", 5", () -> ours.test(m.asByte(), 5));
        same("test dword ptr " + text + ", 5", () -> ours.test(m.asDword(), 5));
        same("inc byte ptr " + text, () -> ours.inc(m.asByte()));
        same("inc dword ptr " + text, () -> ours.inc(m.asDword()));
        same("inc qword ptr " + text, () -> ours.inc(m.asQword()));
        same("call qword ptr " + text, () -> ours.call(m));
        same("jmp qword ptr " + text, () -> ours.jmp(m));
        same("lgdt " + text, () -> ours.lgdt(m));
        same("lidt " + text, () -> ours.lidt(m));
    }

    @Test
    void jumpsAndAddressesRelativeToRip() throws Exception {
        Label back = ours.here("back");
        source.append("back:\n");
        Label ahead = new Label("ahead");
        for (Label target : List.of(back, ahead)) {
            same("{disp32} jmp " + target, () -> ours.jmp(target));
            same("call " + target, () -> ours.call(target));
            for (Condition c : Condition.values()) {
                same("{disp32} " + gnu(c) + " " + target, () -> ours.jump(c, target));
            }
            memory("[rip + " + target + "]", at(target));
            memory("[rip + " + target + " + 8]", at(target, 8));
        }
        ours.bind(ahead);
        source.append("ahead:\n");
        compare();
    }

    @Test
    void theRest() throws Exception {
        same("in al, dx", ours::inAlDx);
        same("in ax, dx", ours::inAxDx);
        same("in eax, dx", ours::inEaxDx);
        same("in al, 0x71", () -> ours.inAl(0x71));
        same("out dx, al", ours::outDxAl);
        same("out dx, ax", ours::outDxAx);
        same("out dx, eax", ours::outDxEax);
        same("out 0x70, al", () -> ours.outAl(0x70));
        same("ret", ours::ret);
        same("rex.w retf", ours::retfq);
        same("iretq", ours::iretq);
        same("rdmsr", ours::rdmsr);
        same("wrmsr", ours::wrmsr);
        same("cli", ours::cli);
        same("sti", ours::sti);
        same("hlt", ours::hlt);
        same("cld", ours::cld);
        same("pause", ours::pause);
        same("ud2", ours::ud2);
        same("lodsb", ours::lodsb);
        same("rep stosq", ours::repStosq);
        for (int control : new int[] {0, 2, 3, 4}) {
            same("mov cr" + control + ", rax", () -> ours.movToControl(control, Register.RAX));
            same("mov rdx, cr" + control, () -> ours.movFromControl(Register.RDX, control));
        }
        for (Segment s : Segment.values()) {
            if (s != Segment.CS) {
                same("mov " + name(s) + ", eax", () -> ours.mov(s, Register.EAX));
            }
        }
        compare();
    }

    @Test
    void protectedModeBeforeLongMode() throws Exception {
        source.append(".code32\n");
        ours.bits32();
        Label target = new Label("target");
        same("mov esi, 0", () -> ours.mov(Register.ESI, 0));
        same("mov eax, cr4", () -> ours.movFromControl(Register.EAX, 4));
        same("or eax, 0x20", () -> ours.or(Register.EAX, 0x20));
        same("mov ecx, 0xc0000080", () -> ours.mov(Register.ECX, 0xc0000080L));
        same("or eax, 0x80000001", () -> ours.or(Register.EAX, 0x80000001));
        same("lgdt [eax]", () -> ours.lgdt(at(Register.EAX)));
        same("mov [target], ebx", () -> ours.mov(at(target), Register.EBX));
        same("mov edi, offset target", () -> ours.movAddress(Register.EDI, target));
        same("jmp 0x8, offset target", () -> ours.jmpFar(8, target));
        ours.bind(target);
        source.append("target:\n");
        compare();
        assertThrows(IllegalStateException.class, () -> ours.mov(Register.RAX, Register.RBX));
    }

    @Test
    void dataThatNamesLabels() {
        Assembler a = new Assembler(0x1_1234_5678L);
        Label here = a.here("here");
        a.dq(here, 3);
        a.interruptGate(here, 8);
        assertEquals(
                "7b563412" + "01000000" + "7856" + "0800" + "008e" + "3412" + "01000000" + "00000000",
                HexFormat.of().formatHex(a.assemble()));
    }

    @Test
    void mistakesAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> ours.mov(Register.RAX, Register.EBX));
        assertThrows(IllegalArgumentException.class, () -> ours.mov(at(Register.RAX), 1));
        assertThrows(IllegalArgumentException.class, () -> ours.mov(Register.EAX, at(Register.EBX)));
        assertThrows(IllegalStateException.class, () -> ours.jmpFar(8, ours.here("x")));
        Assembler unbound = new Assembler(0);
        unbound.jmp(new Label("nowhere"));
        assertThrows(IllegalStateException.class, unbound::assemble);
    }

    /** A long seeded mixture, so that one encoding cannot hide behind its neighbours. */
    @Test
    void mixture() throws Exception {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        Register[] registers = Register.values();
        for (int i = 0; i < 2000; i++) {
            Register r = registers[random.nextInt(registers.length)];
            Alu alu = ALL_ALU.get(random.nextInt(ALL_ALU.size()));
            int displacement = random.nextInt() >> random.nextInt(32);
            Register base = registers[random.nextInt(16)];
            same(
                    name(alu) + " " + name(r) + ", [" + name(base) + " + " + displacement + "]",
                    () -> ours.alu(alu, r, at(base, displacement)));
        }
        compare();
    }

    private void compare() throws IOException, InterruptedException {
        byte[] expected = gnuAssemble();
        byte[] actual = ours.assemble();
        for (int i = 0; i < lines.size(); i++) {
            int from = starts.get(i);
            int to = i + 1 < starts.size() ? starts.get(i + 1) : actual.length;
            HexFormat hex = HexFormat.of();
            String want =
                    from > expected.length ? "nothing" : hex.formatHex(expected, from, Math.min(to, expected.length));
            assertEquals(want, hex.formatHex(actual, from, to), lines.get(i));
        }
        assertEquals(expected.length, actual.length, "length");
    }

    private byte[] gnuAssemble() throws IOException, InterruptedException {
        Path text = dir.resolve("test.s");
        Files.writeString(text, source);
        run("as", "-o", dir.resolve("test.o").toString(), text.toString());
        // Linked, so that the addresses of labels are filled in.
        run(
                "ld",
                "-Ttext=0x" + Long.toHexString(ORIGIN),
                "-e",
                "0x" + Long.toHexString(ORIGIN),
                "--oformat=binary",
                "-o",
                dir.resolve("test.bin").toString(),
                dir.resolve("test.o").toString());
        return Files.readAllBytes(dir.resolve("test.bin"));
    }

    private static void run(String... command) throws IOException, InterruptedException {
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException e) {
            throw new IOException("cannot run " + command[0] + "; install it: apt-get install binutils", e);
        }
        String output = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        if (!process.waitFor(60, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            fail(command[0] + " does not end");
        }
        assertEquals(0, process.exitValue(), output);
    }

    private static String gnu(Condition c) {
        return switch (c) {
            case BELOW -> "jb";
            case NOT_BELOW -> "jae";
            case EQUAL -> "je";
            case NOT_EQUAL -> "jne";
            case NOT_ABOVE -> "jbe";
            case ABOVE -> "ja";
            case SIGN -> "js";
            case NOT_SIGN -> "jns";
        };
    }

    private static String name(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }
}
