package io.jvmm.vcpu.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.vcpu.engine.BootState;
import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.engine.Vcpu;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.HexFormat;

/** A machine with 512 KiB of RAM and a few bytes of code at 0x1000. */
final class TestMachine implements AutoCloseable {
    static final int CODE = 0x1000;
    static final int RAM_BYTES = 512 << 10;

    final Mapping ram = Mapping.anonymous(RAM_BYTES);
    final KvmEngine engine;
    final Vcpu[] vcpus;

    private TestMachine(int vcpuCount) {
        try (Fd kvm = openKvm()) {
            engine = KvmEngine.create(kvm, vcpuCount);
        }
        engine.mapMemory(0, 0, RAM_BYTES, ram.segment(), false);
        vcpus = new Vcpu[vcpuCount];
        for (int i = 0; i < vcpuCount; i++) {
            vcpus[i] = engine.createVcpu(i);
        }
    }

    /** Real mode, starting at 0000:1000. */
    static TestMachine real(String code) {
        return start(1, BootState.real(0, CODE), code);
    }

    /** 32-bit protected mode without paging, starting at 0x1000. */
    static TestMachine protected32(String code) {
        return start(1, BootState.pvh(CODE, 0, 0, 0), code);
    }

    static TestMachine start(int vcpuCount, BootState state, String code) {
        final TestMachine machine = new TestMachine(vcpuCount);
        machine.put(CODE, code);
        machine.vcpus[0].setBootState(state);
        machine.engine.prepare();
        return machine;
    }

    /** Opens KVM; where that fails the test fails, with the cure: such tests do not skip. */
    static Fd openKvm() {
        try {
            return FileIo.open(Path.of("/dev/kvm"), FileIo.READ_WRITE, 0);
        } catch (SysException e) {
            return fail("these tests need KVM: load kvm_intel or kvm_amd, and let this user read and write /dev/kvm "
                    + "(adduser $USER kvm). " + e.getMessage());
        }
    }

    /** Puts machine code, in hex with spaces, {@code ;} starting a comment that ends with the line. */
    void put(int address, String code) {
        final byte[] bytes = bytes(code);
        MemorySegment.copy(bytes, 0, ram.segment(), ValueLayout.JAVA_BYTE, address, bytes.length);
    }

    static byte[] bytes(String code) {
        return HexFormat.of().parseHex(code.replaceAll(";[^\n]*", "").replaceAll("\\s", ""));
    }

    Vcpu vcpu() {
        return vcpus[0];
    }

    /** Runs vCPU 0 up to its next exit that is not a kick. */
    ExitKind run() {
        ExitKind kind = vcpu().run();
        while (kind == ExitKind.KICKED) {
            kind = vcpu().run();
        }
        return kind;
    }

    void expect(ExitKind kind, long address, int widthBytes) {
        final ExitKind actual = run();
        if (actual != kind) {
            fail("expected " + kind + ", got " + actual + ": " + vcpu().exit().failure() + "\n"
                    + vcpu().snapshot().format());
        }
        assertEquals(Long.toHexString(address), Long.toHexString(vcpu().exit().address()));
        assertEquals(widthBytes, vcpu().exit().widthBytes());
    }

    void expectWrite(ExitKind kind, long address, int widthBytes, long value) {
        expect(kind, address, widthBytes);
        assertEquals(1, vcpu().exit().count());
        assertEquals(Long.toHexString(value), Long.toHexString(vcpu().exit().value(0)));
    }

    void expectRead(ExitKind kind, long address, int widthBytes, long answer) {
        expect(kind, address, widthBytes);
        assertEquals(1, vcpu().exit().count());
        vcpu().exit().complete(0, answer);
    }

    byte ramByte(int address) {
        return ram.segment().get(ValueLayout.JAVA_BYTE, address);
    }

    @Override
    public void close() {
        engine.close();
        ram.close();
    }
}
