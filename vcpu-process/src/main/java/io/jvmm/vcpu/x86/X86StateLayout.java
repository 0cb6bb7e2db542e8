package io.jvmm.vcpu.x86;

import io.jvmm.vcpu.x86.apic.ControllerLayout;
import io.jvmm.vcpu.x86.cpu.CpuStateLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * What this engine writes to the machine's state segment, version 1, little-endian: everything that belongs to the processors and to
 * what the engine has around them. Guest memory and devices are elsewhere.
 *
 * <pre>
 *     0  the machine's time in ns i64 | 8 turn of lowest-priority delivery u32 | 12 zero u32
 *    16  chipset, 392 bytes                 {@link ControllerLayout#CHIPSET_V1}
 *   408  for each vCPU, 1424 bytes:
 *        0  waits for its start-up message u8 | zero 7 x u8
 *        8  processor, 1224 bytes           {@link CpuStateLayout#STATE_V1}
 *     1232  local APIC, 192 bytes           {@link ControllerLayout#LOCAL_APIC_V1}
 * </pre>
 *
 * <p>There is no access in flight: a vCPU is saved between two instructions.
 */
public final class X86StateLayout {
    /** Of the engine's part. */
    public static final int VERSION = 1;

    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong I64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    static final StructLayout VCPU_V1 = MemoryLayout.structLayout(
            ValueLayout.JAVA_BYTE.withName("waitsForStartup"),
            MemoryLayout.paddingLayout(7),
            CpuStateLayout.STATE_V1.withName("cpu"),
            ControllerLayout.LOCAL_APIC_V1.withName("apic"));

    private X86StateLayout() {}

    /** Of a machine with so many vCPUs. */
    public static StructLayout of(int vcpus) {
        return MemoryLayout.structLayout(
                I64.withName("timeNs"),
                U32.withName("turn"),
                MemoryLayout.paddingLayout(4),
                ControllerLayout.CHIPSET_V1.withName("chipset"),
                MemoryLayout.sequenceLayout(vcpus, VCPU_V1).withName("vcpu"));
    }
}
