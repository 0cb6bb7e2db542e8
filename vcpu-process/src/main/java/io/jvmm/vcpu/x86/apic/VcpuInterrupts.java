package io.jvmm.vcpu.x86.apic;

import io.jvmm.vcpu.x86.cpu.Cpu;
import io.jvmm.vcpu.x86.cpu.Cpuid;
import io.jvmm.vcpu.x86.cpu.InterruptUnit;
import io.jvmm.vcpu.x86.cpu.TimeSource;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Vector;
import org.jspecify.annotations.Nullable;

/**
 * A vCPU's view of its interrupt hardware: the local APIC by MSRs and by its register page, the 8259s behind its LINT0, and
 * for vCPU 0 the 8254's time. The vCPU's thread only.
 */
public final class VcpuInterrupts implements InterruptUnit {
    private static final int MSR_APIC_BASE = 0x1b;
    private static final int MSR_TSC_DEADLINE = 0x6e0;
    private static final int MSR_X2APIC = 0x800;
    private static final int MSR_X2APIC_END = 0x900;
    /** Bits of IA32_APIC_BASE that are not reserved. */
    static final long BASE_WRITABLE = ((1L << Cpuid.PHYSICAL_BITS) - 1) & ~0x2ff;

    private final LocalApic apic;
    private final Chipset chipset;
    private final TimeSource time;
    private final GuestException exception;
    private final boolean keepsChipsetTime;
    private @Nullable Cpu cpu;

    /** The unit of the processor to which {@code apic} belongs. */
    public VcpuInterrupts(LocalApic apic, Chipset chipset, TimeSource time, GuestException exception) {
        this.apic = apic;
        this.chipset = chipset;
        this.time = time;
        this.exception = exception;
        this.keepsChipsetTime = apic.id() == 0;
    }

    /** The processor, which is made after its interrupt unit. */
    public void attach(Cpu newCpu) {
        cpu = newCpu;
    }

    /** The local APIC. */
    public LocalApic apic() {
        return apic;
    }

    @Override
    public boolean isInterruptPending() {
        return apic.isInterruptPending() || (chipset.picInterrupt() && apic.acceptsExternal());
    }

    @Override
    public int acknowledge() {
        if (apic.acceptsExternal() && chipset.picInterrupt()) {
            return chipset.acknowledgePic(time.nowNs());
        }
        return apic.isInterruptPending() ? apic.acknowledge() : -1;
    }

    @Override
    public boolean takeNmi() {
        return apic.takeNmi();
    }

    @Override
    public int taskPriority() {
        return apic.taskPriority() >> 4;
    }

    @Override
    public void setTaskPriority(int priority) {
        apic.setTaskPriority(priority << 4);
    }

    @Override
    public long readMsr(int number) {
        if (number == MSR_APIC_BASE) {
            return apic.base();
        }
        if (number == MSR_TSC_DEADLINE) {
            return apic.timer().deadlineTsc();
        }
        final int register = x2Register(number);
        return switch (register) {
            case ApicRegister.ICR_LOW ->
                Integer.toUnsignedLong(apic.read(register, 0))
                        | (long) apic.read(ApicRegister.ICR_HIGH, 0) << Integer.SIZE;
            case ApicRegister.EOI, ApicRegister.SELF_IPI -> throw refused();
            default -> {
                if (!isX2Register(register)) {
                    throw refused();
                }
                yield Integer.toUnsignedLong(apic.read(register, time.nowNs()));
            }
        };
    }

    @Override
    public void writeMsr(int number, long value) {
        if (number == MSR_APIC_BASE) {
            if ((value & ~BASE_WRITABLE) != 0 || !apic.setBase(value)) {
                throw refused();
            }
        } else if (number == MSR_TSC_DEADLINE) {
            apic.timer().setDeadlineTsc(value);
            lookAgain();
        } else {
            writeX2(x2Register(number), value);
        }
    }

    /** 11.12.1.2 and table 11-6: what is reserved or read-only is #GP(0). */
    private void writeX2(int register, long value) {
        if (register == ApicRegister.ICR_LOW) {
            if ((value & 0xfff3_2000L) != 0) {
                throw refused();
            }
            apic.write(ApicRegister.ICR_HIGH, (int) (value >>> Integer.SIZE), 0);
            apic.write(ApicRegister.ICR_LOW, (int) value, 0);
            return;
        }
        final boolean allowed = switch (register) {
            case ApicRegister.TPR, ApicRegister.SELF_IPI -> value >>> 8 == 0;
            case ApicRegister.EOI, ApicRegister.ESR -> value == 0;
            case ApicRegister.SVR -> (value & ~0x11ffL) == 0;
            case ApicRegister.INITIAL_COUNT -> value >>> Integer.SIZE == 0;
            case ApicRegister.DIVIDE -> (value & ~0xbL) == 0;
            case ApicRegister.LVT_TIMER -> (value & ~0x710ffL) == 0;
            case ApicRegister.LVT_THERMAL, ApicRegister.LVT_PERFORMANCE -> (value & ~0x117ffL) == 0;
            case ApicRegister.LVT_LINT0, ApicRegister.LVT_LINT1 -> (value & ~0x1f7ffL) == 0;
            case ApicRegister.LVT_ERROR -> (value & ~0x110ffL) == 0;
            default -> false;
        };
        if (!allowed) {
            throw refused();
        }
        apic.write(register, (int) value, time.nowNs());
        lookAgain();
    }

    private int x2Register(int number) {
        if (number < MSR_X2APIC || number >= MSR_X2APIC_END || !apic.isX2()) {
            throw refused();
        }
        return number - MSR_X2APIC;
    }

    private static boolean isX2Register(int register) {
        return switch (register) {
            case ApicRegister.ID,
                    ApicRegister.VERSION,
                    ApicRegister.TPR,
                    ApicRegister.PPR,
                    ApicRegister.LDR,
                    ApicRegister.SVR,
                    ApicRegister.ESR,
                    ApicRegister.INITIAL_COUNT,
                    ApicRegister.CURRENT_COUNT,
                    ApicRegister.DIVIDE -> true;
            default ->
                (register >= ApicRegister.ISR && register < ApicRegister.ESR)
                        || (register >= ApicRegister.LVT_TIMER && register <= ApicRegister.LVT_ERROR);
        };
    }

    private GuestException refused() {
        return exception.of(Vector.GP, 0);
    }

    /**
     * Reads the register page at {@code offset} 0..fff. Registers are 32 bits wide at multiples of 16; other accesses are
     * undefined (11.4.1) and read what lies there of the register.
     */
    public long readPage(int offset, int widthBytes) {
        final long value = Integer.toUnsignedLong(apic.read(offset >> 4, time.nowNs())) >>> ((offset & 3) * Byte.SIZE);
        return (offset & 0xc) != 0 ? 0 : widthBytes == Long.BYTES ? value : value & ((1L << (widthBytes * 8)) - 1);
    }

    /** Writes the register page; only whole aligned registers can be written. */
    public void writePage(int offset, int widthBytes, long value) {
        if ((offset & 0xf) == 0 && widthBytes >= Integer.BYTES) {
            apic.write(offset >> 4, (int) value, time.nowNs());
            lookAgain();
        }
    }

    /** A deadline may have come nearer than the processor knows. */
    private void lookAgain() {
        final Cpu it = cpu;
        if (it != null) {
            it.requestAttention();
        }
    }

    private long tscOffset() {
        final Cpu it = cpu;
        return it == null ? 0 : it.tscOffset;
    }

    @Override
    public long nextDeadlineNs() {
        final long own = apic.timer().nextNs(tscOffset());
        return keepsChipsetTime ? Math.min(own, chipset.nextDeadlineNs()) : own;
    }

    @Override
    public void tick(long nowNs) {
        apic.tick(nowNs, tscOffset());
        if (keepsChipsetTime && chipset.nextDeadlineNs() <= nowNs) {
            chipset.tick(nowNs);
        }
    }
}
