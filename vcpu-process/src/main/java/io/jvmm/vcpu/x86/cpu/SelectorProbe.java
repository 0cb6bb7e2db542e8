package io.jvmm.vcpu.x86.cpu;

/**
 * LAR, LSL, VERR, VERW: what a selector names, without a fault when the answer is no (SDM 3A 5.10). Results by ZF
 * alone.
 */
public final class SelectorProbe {
    /** Answer of {@link #accessRights} and {@link #limit}: ZF = 0. */
    public static final long NO = -1;

    /** No descriptor, or none that may be seen: the type 0 that this has is never one that is asked for. */
    private static final long NOTHING = 0;

    /** System types that LAR knows: TSSs, LDT, call and task gates. */
    private static final int LAR_LEGACY = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 9 | 1 << 0xb | 1 << 0xc;

    private static final int LAR_LONG = 1 << 2 | 1 << 9 | 1 << 0xb | 1 << 0xc;
    /** System types that LSL knows: TSSs and LDT. */
    private static final int LSL_LEGACY = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 9 | 1 << 0xb;

    private static final int LSL_LONG = 1 << 2 | 1 << 9 | 1 << 0xb;

    private SelectorProbe() {}

    /** LAR: bits 8..23 of the upper half of the descriptor (without the limit), or {@link #NO}. */
    public static long accessRights(Cpu cpu, int selector) {
        final long raw = visible(cpu, selector, cpu.isLongMode() ? LAR_LONG : LAR_LEGACY);
        return raw == NOTHING ? NO : (raw >>> 32) & 0xf0_ff00;
    }

    /** LSL: the limit in bytes, or {@link #NO}. */
    public static long limit(Cpu cpu, int selector) {
        final long raw = visible(cpu, selector, cpu.isLongMode() ? LSL_LONG : LSL_LEGACY);
        return raw == NOTHING ? NO : Descriptors.limit(raw);
    }

    /** VERR. */
    public static boolean isReadable(Cpu cpu, int selector) {
        final long raw = visible(cpu, selector, 0);
        return raw != NOTHING && Descriptors.isReadable(raw);
    }

    /** VERW. */
    public static boolean isWritable(Cpu cpu, int selector) {
        final long raw = visible(cpu, selector, 0);
        return raw != NOTHING && Descriptors.isWritableData(raw);
    }

    /** The descriptor, when it is in its table, of a kind asked for, and not too privileged. */
    private static long visible(Cpu cpu, int selector, int systemTypes) {
        final long at = (selector & 0xfffc) == 0 ? -1 : Descriptors.address(cpu, selector, 8);
        if (at == -1) {
            return NOTHING;
        }
        final long raw = cpu.mmu.readSystem(at, 8);
        final int type = Descriptors.type(raw);
        final boolean known = type >= 16 || (systemTypes >>> type & 1) != 0;
        final boolean allowed =
                Descriptors.isConforming(raw) || Descriptors.dpl(raw) >= Math.max(cpu.cpl, selector & 3);
        return known && allowed ? raw : NOTHING;
    }
}
