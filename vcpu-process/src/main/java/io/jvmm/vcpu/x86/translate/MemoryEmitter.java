package io.jvmm.vcpu.x86.translate;

import static io.jvmm.vcpu.x86.translate.Emitter.ENTRY;
import static io.jvmm.vcpu.x86.translate.Emitter.HOST;
import static io.jvmm.vcpu.x86.translate.Emitter.LINEAR;
import static io.jvmm.vcpu.x86.translate.Emitter.TLB;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Segment;
import io.jvmm.vcpu.x86.decode.Insn;
import io.jvmm.vcpu.x86.mmu.Mmu;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;

/**
 * Guest memory: the TLB hit is emitted, a miss calls the {@link Mmu}. A store that went the slow way may have overwritten
 * the region itself; the emission then looks whether it is still valid and leaves behind the instruction if not.
 */
final class MemoryEmitter {
    private final Emitter e;
    private final FlagEmitter flags;
    private final CodeBuilder code;

    MemoryEmitter(Emitter e, FlagEmitter flags) {
        this.e = e;
        this.flags = flags;
        this.code = e.code;
    }

    /** Pushes the offset that LEA computes, before it is cut to the operand's width. */
    void effective(Unit unit, Insn i) {
        if (i.base == Insn.RIP) {
            code.lload(Emitter.PAGE)
                    .loadConstant(unit.block.pageOffset + i.end() + i.displacement)
                    .ladd();
        } else {
            boolean any = false;
            if (i.base != Insn.NO_REGISTER) {
                e.get(i.base);
                any = true;
            }
            if (i.indexRegister != Insn.NO_REGISTER) {
                e.get(i.indexRegister);
                if (i.scaleShift != 0) {
                    code.loadConstant(i.scaleShift).lshl();
                }
                if (any) {
                    code.ladd();
                }
                any = true;
            }
            if (i.displacement != 0 || !any) {
                code.loadConstant(i.displacement);
                if (any) {
                    code.ladd();
                }
            }
        }
        if (i.addressBytes == 4) {
            code.loadConstant(Emitter.MASK_32).land();
        }
    }

    /** Pushes the linear address of the memory operand. */
    void address(Unit unit, Insn i) {
        effective(unit, i);
        if (i.segment == Segment.FS || i.segment == Segment.GS) {
            code.aload(i.segment == Segment.FS ? Emitter.FS : Emitter.GS)
                    .getfield(Names.SEGMENT, "base", ConstantDescs.CD_long)
                    .ladd();
        }
    }

    /** Pops a linear address, pushes what is read there, zero-extended. */
    void read(int bytes) {
        code.lstore(LINEAR).aload(Emitter.CPU).aload(TLB).lload(LINEAR);
        code.lload(LINEAR);
        e.call(Names.ACCESS, "slot", ConstantDescs.CD_int, ConstantDescs.CD_long);
        e.call(
                Names.ACCESS,
                "read" + 8 * bytes,
                ConstantDescs.CD_long,
                Names.CPU,
                Names.LONGS,
                ConstantDescs.CD_long,
                ConstantDescs.CD_int);
        e.drop();
    }

    /** Pushes the memory operand, zero-extended. The point is set. */
    void load(Unit unit, Insn i, int bytes) {
        address(unit, i);
        read(bytes);
    }

    /**
     * Pops a linear address and stores there.
     *
     * @param value pushes 64 bits of which the low ones are stored; emitted twice
     * @param after what the instruction does once the store has succeeded; emitted twice
     * @param leave emits leaving the region behind this instruction
     */
    void store(int bytes, Runnable value, Runnable after, Runnable leave) {
        final Label slow = code.newLabel();
        final Label done = code.newLabel();
        code.lstore(LINEAR);
        writeHit(bytes, slow);
        code.lload(LINEAR);
        word(MemoryAccess.ADDEND);
        code.ladd();
        final long state = e.state();
        put(bytes, value);
        code.goto_(done);
        code.labelBinding(slow);
        e.restore(state);
        slowStore(bytes, value, done, after, leave);
        code.labelBinding(done);
        after.run();
    }

    /** Pops a linear address that will be written, and pushes what is there now, with the faults of a write. */
    void readForUpdate(int bytes) {
        final Label slow = code.newLabel();
        final Label done = code.newLabel();
        code.lstore(LINEAR);
        writeHit(bytes, slow);
        code.lload(LINEAR);
        word(MemoryAccess.ADDEND);
        code.ladd();
        code.dup2().lstore(HOST);
        e.call(
                Names.HOST,
                "get" + 8 * bytes,
                bytes == 8 ? ConstantDescs.CD_long : ConstantDescs.CD_int,
                ConstantDescs.CD_long);
        if (bytes < 8) {
            code.i2l();
            if (bytes == 4) {
                code.loadConstant(Emitter.MASK_32).land();
            }
        }
        code.goto_(done);
        code.labelBinding(slow);
        code.lconst_0().lstore(HOST);
        e.mmu();
        code.lload(LINEAR).loadConstant(bytes);
        e.call(
                Names.ACCESS,
                "readForUpdate",
                ConstantDescs.CD_long,
                Names.MMU,
                ConstantDescs.CD_long,
                ConstantDescs.CD_int);
        code.labelBinding(done);
        e.drop();
    }

    /** Stores where {@link #readForUpdate} has read; parameters as of {@link #store}. */
    void update(int bytes, Runnable value, Runnable after, Runnable leave) {
        final Label slow = code.newLabel();
        final Label done = code.newLabel();
        code.lload(HOST).lconst_0().lcmp().ifeq(slow);
        code.lload(HOST);
        put(bytes, value);
        code.goto_(done);
        code.labelBinding(slow);
        slowStore(bytes, value, done, after, leave);
        code.labelBinding(done);
        after.run();
    }

    private void writeHit(int bytes, Label slow) {
        code.lload(LINEAR);
        e.call(Names.ACCESS, "slot", ConstantDescs.CD_int, ConstantDescs.CD_long);
        code.istore(ENTRY);
        code.lload(LINEAR);
        word(MemoryAccess.WRITE_TAG);
        code.lsub().loadConstant(limit(bytes)).lcmp().ifgt(slow);
    }

    /** Pushes a word of the TLB entry. */
    private void word(int offset) {
        code.aload(TLB).iload(ENTRY).bipush(offset).iadd();
        e.call(Names.HOST, "word", ConstantDescs.CD_long, Names.LONGS, ConstantDescs.CD_int);
    }

    private void put(int bytes, Runnable value) {
        value.run();
        if (bytes < 8) {
            code.l2i();
        }
        e.call(
                Names.HOST,
                "put" + 8 * bytes,
                ConstantDescs.CD_void,
                ConstantDescs.CD_long,
                bytes == 8 ? ConstantDescs.CD_long : ConstantDescs.CD_int);
    }

    private void slowStore(int bytes, Runnable value, Label done, Runnable after, Runnable leave) {
        e.mmu();
        code.lload(LINEAR);
        value.run();
        if (bytes < 8) {
            code.l2i();
        }
        code.invokevirtual(
                Names.MMU,
                "write" + 8 * bytes,
                MethodTypeDesc.of(
                        ConstantDescs.CD_void,
                        ConstantDescs.CD_long,
                        bytes == 8 ? ConstantDescs.CD_long : ConstantDescs.CD_int));
        code.aload(0).getfield(Names.REGION, "valid", ConstantDescs.CD_boolean).ifne(done);
        e.drop();
        final long registers = e.state();
        final long known = flags.state();
        after.run();
        leave.run();
        e.restore(registers);
        flags.restore(known);
    }

    private static long limit(int bytes) {
        return switch (bytes) {
            case 1 -> Mmu.LIMIT_1;
            case 2 -> Mmu.LIMIT_2;
            case 4 -> Mmu.LIMIT_4;
            default -> Mmu.LIMIT_8;
        };
    }

    /** Pushes RSP plus a constant. */
    void stack(long displacement) {
        e.get(Cpu.RSP);
        if (displacement != 0) {
            code.loadConstant(displacement).ladd();
        }
    }
}
