package io.jvmm.vcpu.x86.translate;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Flags;
import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.mmu.HostMemory;
import io.jvmm.vcpu.x86.mmu.Mmu;
import io.jvmm.vcpu.x86.simd.Halves;
import io.jvmm.vcpu.x86.simd.QuickFloat;
import io.jvmm.vcpu.x86.simd.Vectors;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;

/** Classes and method types that generated code names. */
final class Names {
    static final ClassDesc THIS = ClassDesc.of(Names.class.getPackageName() + ".Translated");
    static final ClassDesc REGION = of(TranslatedRegion.class);
    static final ClassDesc ACCESS = of(MemoryAccess.class);
    static final ClassDesc VECTOR_ACCESS = of(VectorAccess.class);
    static final ClassDesc VECTORS = of(Vectors.class);
    static final ClassDesc HALVES = of(Halves.class);
    static final ClassDesc QUICK_FLOAT = of(QuickFloat.class);
    static final ClassDesc RARE = of(RareFlags.class);
    static final ClassDesc CPU = of(Cpu.class);
    static final ClassDesc FLAGS = of(Flags.class);
    static final ClassDesc SEGMENT = of(Segment.class);
    static final ClassDesc SEGMENTS = SEGMENT.arrayType();
    static final ClassDesc STEP = of(Step.class);
    static final ClassDesc STEPS = STEP.arrayType();
    static final ClassDesc MMU = of(Mmu.class);
    static final ClassDesc HOST = of(HostMemory.class);
    static final ClassDesc INTS = ConstantDescs.CD_int.arrayType();
    static final ClassDesc LONGS = ConstantDescs.CD_long.arrayType();
    static final ClassDesc PRODUCT = of(WideProduct.class);
    static final ClassDesc LONG = of(Long.class);
    static final ClassDesc INTEGER = of(Integer.class);

    static final ClassDesc I = ConstantDescs.CD_int;
    static final ClassDesc J = ConstantDescs.CD_long;

    static final MethodTypeDesc RUN = MethodTypeDesc.of(ConstantDescs.CD_void, CPU);

    private Names() {}

    static ClassDesc of(Class<?> type) {
        return ClassDesc.ofDescriptor(type.descriptorString());
    }
}
