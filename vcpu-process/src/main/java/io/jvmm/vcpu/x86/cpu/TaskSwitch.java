package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Vector;

/**
 * Hardware task switches of legacy protected mode (SDM 3A 8.3): by JMP, CALL, IRET, interrupts, through a TSS or a task
 * gate.
 *
 * <pre>
 *   TSS 32  +0 link  +1c CR3  +20 EIP  +24 EFLAGS  +28 EAX ECX EDX EBX ESP EBP ESI EDI
 *           +48 ES CS SS DS FS GS (each in 4)  +60 LDT  +64 T
 *   TSS 16  +0 link            +e IP   +10 FLAGS   +12 AX CX DX BX SP BP SI DI
 *           +22 ES CS SS DS (each in 2)        +2a LDT
 * </pre>
 *
 * <p>Faults about the new task's segments are raised in the new task, after everything has changed: they are delivered
 * here and not thrown.
 *
 * <p>A TSS may lie in device memory: then the instruction runs again for each access, and so nothing but memory that the next run writes alike
 * changes before the last of them; the busy bits, by which the next run would be refused, come after it. Descriptor tables in
 * device memory are not provided for.
 */
final class TaskSwitch {
    private enum Cause {
        JUMP,
        CALL,
        RETURN
    }

    private static final int SMALLEST_LIMIT_32 = 0x67;
    private static final int SMALLEST_LIMIT_16 = 0x2b;
    private static final int TYPE_32 = 8;
    private static final int CR3 = 0x1c;
    private static final int TRAP_FLAG = 0x64;
    /** DR6: the new task has its debug trap flag set. */
    private static final int BT = 1 << 15;

    /** Places in {@link Cpu#fpuImage} of what {@link #read} has read. */
    private static final int RIP = 0;

    private static final int RFLAGS = 1;
    private static final int GENERAL = 2;
    private static final int SELECTORS = 10;
    private static final int DIRECTORY = 17;
    private static final int TRAP = 18;

    private static final int FLAGS_16 = 0x7fd5;
    private static final int FLAGS_32 = 0x3f_7fd5;

    private TaskSwitch() {}

    /** JMP or CALL to a TSS or a task gate, whose DPL has been checked. */
    static void transfer(Cpu cpu, int selector, long raw, boolean call, long nextRip) {
        final int task = throughGate(cpu, selector, raw);
        final Cause cause = call ? Cause.CALL : Cause.JUMP;
        inNewTask(cpu, select(cpu, task, cause), task, cause, nextRip, cpu.flags());
    }

    /** An exception or interrupt through a task gate. */
    static void interrupt(Cpu cpu, int task, int errorCode, int flags, long returnRip) {
        final long raw = select(cpu, task, Cause.CALL);
        switchTo(cpu, raw, task, Cause.CALL, returnRip, flags);
        loadSegments(cpu);
        if (errorCode != GuestException.NO_ERROR_CODE) {
            final StackCursor stack = cpu.frame.present();
            stack.push(errorCode, is32(raw) ? 4 : 2);
            stack.commitPointer();
        }
    }

    /** IRET with NT set: back to the task that the link names. */
    static void interruptReturn(Cpu cpu, long nextRip) {
        final Segment tr = cpu.segments[Segment.TR];
        final int task = (int) cpu.mmu.readSystem(tr.base & 0xffff_ffffL, 2);
        inNewTask(cpu, select(cpu, task, Cause.RETURN), task, Cause.RETURN, nextRip, cpu.flags() & ~Flags.NT);
    }

    private static void inNewTask(Cpu cpu, long raw, int task, Cause cause, long nextRip, int flags) {
        switchTo(cpu, raw, task, cause, nextRip, flags);
        try {
            loadSegments(cpu);
            if (cpu.fpuImage[TRAP] != 0) {
                cpu.dr[6] |= BT;
                Delivery.trap(cpu, Vector.DB);
            }
        } catch (GuestException e) {
            Delivery.exception(cpu, e);
        }
    }

    private static int throughGate(Cpu cpu, int selector, long raw) {
        if (Descriptors.type(raw) != Descriptors.TASK_GATE) {
            return selector;
        }
        if (!Descriptors.isPresent(raw)) {
            throw Descriptors.fault(cpu, Vector.NP, selector);
        }
        return Descriptors.gateSelector(raw);
    }

    /** The descriptor of the new TSS after the checks that are made in the old task. */
    private static long select(Cpu cpu, int task, Cause cause) {
        final int fault = cause == Cause.RETURN ? Vector.TS : Vector.GP;
        if ((task & 4) != 0 || (task & 0xfffc) == 0) {
            throw Descriptors.fault(cpu, fault, task);
        }
        final long raw = Descriptors.read(cpu, task, fault);
        final int type = Descriptors.type(raw);
        final boolean known = (type & ~(Descriptors.BUSY | TYPE_32)) == Descriptors.TSS_16;
        final boolean busy = (type & Descriptors.BUSY) != 0;
        if (!known || busy != (cause == Cause.RETURN)) {
            throw Descriptors.fault(cpu, fault, task);
        }
        if (!Descriptors.isPresent(raw)) {
            throw Descriptors.fault(cpu, Vector.NP, task);
        }
        if (Descriptors.limit(raw) < (is32(raw) ? SMALLEST_LIMIT_32 : SMALLEST_LIMIT_16)) {
            throw Descriptors.fault(cpu, Vector.TS, task);
        }
        return raw;
    }

    private static boolean is32(long raw) {
        return (Descriptors.type(raw) & TYPE_32) != 0;
    }

    /** Everything but the hidden parts of the segments. */
    private static void switchTo(Cpu cpu, long raw, int task, Cause cause, long nextRip, int flags) {
        final Segment tr = cpu.segments[Segment.TR];
        final long newBase = Descriptors.base(raw);
        final boolean old32 = (tr.access & TYPE_32) != 0;
        // What may fault comes first: nothing has changed until here.
        cpu.mmu.probeWriteSystem(tr.base & 0xffff_ffffL, (old32 ? SMALLEST_LIMIT_32 : SMALLEST_LIMIT_16) + 1);
        cpu.mmu.probeWriteSystem(newBase, (is32(raw) ? SMALLEST_LIMIT_32 : SMALLEST_LIMIT_16) + 1);

        save(cpu, old32, nextRip, flags);
        if (cause == Cause.CALL) {
            cpu.mmu.writeSystem(newBase, 2, tr.selector);
        }
        read(cpu, newBase, is32(raw));
        if (cause != Cause.CALL) {
            Descriptors.changeAccess(cpu, tr.selector, Descriptors.BUSY, 0);
        }
        if (cause != Cause.RETURN) {
            Descriptors.changeAccess(cpu, task, 0, Descriptors.BUSY);
        }
        Segmentation.set(tr, task, raw);
        tr.access |= Descriptors.BUSY;
        cpu.cr0 |= ControlRegisters.CR0_TS;
        load(cpu, is32(raw), cause == Cause.CALL);
    }

    private static void save(Cpu cpu, boolean is32, long nextRip, int flags) {
        final int width = is32 ? 4 : 2;
        put(cpu, is32 ? 0x20 : 0xe, width, nextRip);
        put(cpu, is32 ? 0x24 : 0x10, width, flags);
        for (int i = 0; i < 8; i++) {
            put(cpu, (is32 ? 0x28 : 0x12) + i * width, width, cpu.r[i]);
        }
        for (int i = 0; i < (is32 ? 6 : 4); i++) {
            put(cpu, (is32 ? 0x48 : 0x22) + i * width, 2, cpu.segments[i].selector);
        }
    }

    /** The new task's registers, into the scratch area of the processor. */
    private static void read(Cpu cpu, long base, boolean is32) {
        final int width = is32 ? 4 : 2;
        final long[] image = cpu.fpuImage;
        image[RIP] = field(cpu, base, is32 ? 0x20 : 0xe, width);
        image[RFLAGS] = field(cpu, base, is32 ? 0x24 : 0x10, width);
        for (int i = 0; i < 8; i++) {
            final long value = field(cpu, base, (is32 ? 0x28 : 0x12) + i * width, width);
            // A 16-bit TSS says nothing of the upper halves; processors leave ones.
            image[GENERAL + i] = is32 ? value : value | 0xffff_0000L;
        }
        for (int i = 0; i < Segment.LDTR; i++) {
            image[SELECTORS + i] = is32 || i < 4 ? field(cpu, base, (is32 ? 0x48 : 0x22) + i * width, 2) : 0;
        }
        image[SELECTORS + Segment.LDTR] = field(cpu, base, is32 ? 0x60 : 0x2a, 2);
        image[DIRECTORY] = is32 ? field(cpu, base, CR3, 4) : 0;
        image[TRAP] = is32 ? field(cpu, base, TRAP_FLAG, 2) & 1 : 0;
    }

    private static void load(Cpu cpu, boolean is32, boolean nested) {
        final long[] image = cpu.fpuImage;
        cpu.rip = image[RIP];
        System.arraycopy(image, GENERAL, cpu.r, 0, 8);
        for (int i = 0; i <= Segment.LDTR; i++) {
            Segmentation.setNull(cpu.segments[i], (int) image[SELECTORS + i]);
        }
        cpu.dr[7] &= ~0x55L;
        Debugging.rearm(cpu);
        cpu.setFlags((int) image[RFLAGS] | (nested ? Flags.NT : 0), is32 ? FLAGS_32 : FLAGS_16);
        if (is32 && (cpu.cr0 & ControlRegisters.CR0_PG) != 0) {
            cpu.cr3 = image[DIRECTORY];
            ControlRegisters.updatePaging(cpu);
            cpu.mmu.flushNonGlobal();
        }
        cpu.cpl = cpu.isVirtual86() ? 3 : cpu.segments[Segment.CS].selector & 3;
        ControlRegisters.updateMode(cpu);
    }

    /** Hidden parts of LDTR and the six segments; faults are the new task's (SDM 3A table 8-1). */
    private static void loadSegments(Cpu cpu) {
        final Segment[] s = cpu.segments;
        final Segment ldtr = s[Segment.LDTR];
        if ((ldtr.selector & 0xfffc) != 0) {
            final long raw = (ldtr.selector & 4) != 0 ? 0 : Descriptors.read(cpu, ldtr.selector, Vector.TS);
            if (Descriptors.type(raw) != Descriptors.LDT || !Descriptors.isPresent(raw)) {
                throw Descriptors.fault(cpu, Vector.TS, ldtr.selector);
            }
            Segmentation.set(ldtr, ldtr.selector, raw);
        }
        if (cpu.isVirtual86()) {
            for (int i = 0; i < Segment.LDTR; i++) {
                Segmentation.loadVirtual86(s[i], s[i].selector);
            }
        } else {
            loadCode(cpu, s[Segment.CS]);
            loadStack(cpu, s[Segment.SS]);
            for (int i = 0; i < Segment.LDTR; i++) {
                if (i != Segment.CS && i != Segment.SS && (s[i].selector & 0xfffc) != 0) {
                    loadData(cpu, s[i]);
                }
            }
        }
        ControlRegisters.updateMode(cpu);
        if (cpu.rip > s[Segment.CS].limit) {
            throw cpu.exception.of(Vector.GP, cpu.externalEvent);
        }
    }

    private static void loadCode(Cpu cpu, Segment cs) {
        final int selector = cs.selector;
        final long raw = descriptor(cpu, selector);
        final int rpl = selector & 3;
        final boolean allowed =
                Descriptors.isConforming(raw) ? Descriptors.dpl(raw) <= rpl : Descriptors.dpl(raw) == rpl;
        if (!Descriptors.isCode(raw) || !allowed) {
            throw Descriptors.fault(cpu, Vector.TS, selector);
        }
        if (!Descriptors.isPresent(raw)) {
            throw Descriptors.fault(cpu, Vector.NP, selector);
        }
        Segmentation.set(cs, selector, Descriptors.markAccessed(cpu, selector, raw));
    }

    private static void loadStack(Cpu cpu, Segment ss) {
        final int selector = ss.selector;
        final long raw = descriptor(cpu, selector);
        Segmentation.checkStack(cpu, selector, raw, cpu.cpl, Vector.TS);
        Segmentation.set(ss, selector, Descriptors.markAccessed(cpu, selector, raw));
    }

    private static void loadData(Cpu cpu, Segment segment) {
        final int selector = segment.selector;
        final long raw = descriptor(cpu, selector);
        if (!Descriptors.isReadable(raw)
                || (!Descriptors.isConforming(raw) && Math.max(selector & 3, cpu.cpl) > Descriptors.dpl(raw))) {
            throw Descriptors.fault(cpu, Vector.TS, selector);
        }
        if (!Descriptors.isPresent(raw)) {
            throw Descriptors.fault(cpu, Vector.NP, selector);
        }
        Segmentation.set(segment, selector, Descriptors.markAccessed(cpu, selector, raw));
    }

    private static long descriptor(Cpu cpu, int selector) {
        if ((selector & 0xfffc) == 0) {
            throw Descriptors.fault(cpu, Vector.TS, selector);
        }
        return Descriptors.read(cpu, selector, Vector.TS);
    }

    private static long field(Cpu cpu, long base, int offset, int bytes) {
        return cpu.mmu.readSystem((base + offset) & 0xffff_ffffL, bytes);
    }

    private static void put(Cpu cpu, int offset, int bytes, long value) {
        cpu.mmu.writeSystem((cpu.segments[Segment.TR].base + offset) & 0xffff_ffffL, bytes, value);
    }
}
