package io.jvmm.vcpu.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import io.jvmm.ipc.sys.Mapping;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.function.IntFunction;

/** A machine with 512 KiB of RAM and a few bytes of code at 0x1000. */
public final class TestMachine implements AutoCloseable {
    public static final int CODE = 0x1000;
    public static final int RAM_BYTES = 512 << 10;

    public final Mapping ram = Mapping.anonymous(RAM_BYTES);
    public final Engine engine;
    public final Vcpu[] vcpus;

    private TestMachine(IntFunction<Engine> maker, int vcpuCount) {
        engine = maker.apply(vcpuCount);
        engine.mapMemory(0, 0, RAM_BYTES, ram.segment(), false);
        vcpus = new Vcpu[vcpuCount];
        for (int i = 0; i < vcpuCount; i++) {
            vcpus[i] = engine.createVcpu(i);
        }
    }

    /** Real mode, starting at 0000:1000. */
    public static TestMachine real(IntFunction<Engine> maker, String code) {
        return start(maker, 1, BootState.real(0, CODE), code);
    }

    /** 32-bit protected mode without paging, starting at 0x1000. */
    public static TestMachine protected32(IntFunction<Engine> maker, String code) {
        return start(maker, 1, BootState.pvh(CODE, 0, 0, 0), code);
    }

    public static TestMachine start(IntFunction<Engine> maker, int vcpuCount, BootState state, String code) {
        final TestMachine machine = new TestMachine(maker, vcpuCount);
        machine.put(CODE, code);
        machine.vcpus[0].setBootState(state);
        machine.engine.prepare();
        return machine;
    }

    /** Puts machine code, in hex with spaces, {@code ;} starting a comment that ends with the line. */
    public void put(int address, String code) {
        final byte[] bytes = bytes(code);
        MemorySegment.copy(bytes, 0, ram.segment(), ValueLayout.JAVA_BYTE, address, bytes.length);
    }

    public static byte[] bytes(String code) {
        return HexFormat.of().parseHex(code.replaceAll(";[^\n]*", "").replaceAll("\\s", ""));
    }

    /** A machine with the memory of this one and its state. */
    public TestMachine restored(IntFunction<Engine> maker) {
        final TestMachine machine = new TestMachine(maker, vcpus.length);
        machine.ram.segment().copyFrom(ram.segment());
        machine.engine.loadState(state());
        machine.engine.prepare();
        return machine;
    }

    /** What the engine saves. */
    public MemorySegment state() {
        final MemorySegment state = MemorySegment.ofArray(new byte[engine.stateLengthBytes()]);
        engine.saveState(state);
        return state;
    }

    public Vcpu vcpu() {
        return vcpus[0];
    }

    /** Runs vCPU 0 up to its next exit that is not a kick. */
    public ExitKind run() {
        ExitKind kind = vcpu().run();
        while (kind == ExitKind.KICKED) {
            kind = vcpu().run();
        }
        return kind;
    }

    public void expect(ExitKind kind, long address, int widthBytes) {
        final ExitKind actual = run();
        if (actual != kind) {
            fail("expected " + kind + ", got " + actual + ": " + vcpu().exit().failure() + "\n"
                    + vcpu().snapshot().format());
        }
        assertEquals(Long.toHexString(address), Long.toHexString(vcpu().exit().address()));
        assertEquals(widthBytes, vcpu().exit().widthBytes());
    }

    public void expectWrite(ExitKind kind, long address, int widthBytes, long value) {
        expect(kind, address, widthBytes);
        assertEquals(1, vcpu().exit().count());
        assertEquals(Long.toHexString(value), Long.toHexString(vcpu().exit().value(0)));
    }

    public void expectRead(ExitKind kind, long address, int widthBytes, long answer) {
        expect(kind, address, widthBytes);
        assertEquals(1, vcpu().exit().count());
        vcpu().exit().complete(0, answer);
    }

    public byte ramByte(int address) {
        return ram.segment().get(ValueLayout.JAVA_BYTE, address);
    }

    @Override
    public void close() {
        engine.close();
        ram.close();
    }
}
