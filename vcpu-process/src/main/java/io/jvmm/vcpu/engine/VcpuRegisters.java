package io.jvmm.vcpu.engine;

/**
 * The architectural registers of one vCPU at an instruction boundary: for inspectors and crash reports, not for the hot
 * path.
 *
 * @param general rax rcx rdx rbx rsp rbp rsi rdi r8..r15, in the order of their encoding
 * @param segments es cs ss ds fs gs ldtr tr, the first six in the order of their encoding
 */
public record VcpuRegisters(
        int vcpu,
        General general,
        long rip,
        long rflags,
        long cr0,
        long cr2,
        long cr3,
        long cr4,
        long cr8,
        long efer,
        Table gdt,
        Table idt,
        Segments segments) {

    /** The sixteen general registers. */
    public record General(
            long rax,
            long rcx,
            long rdx,
            long rbx,
            long rsp,
            long rbp,
            long rsi,
            long rdi,
            long r8,
            long r9,
            long r10,
            long r11,
            long r12,
            long r13,
            long r14,
            long r15) {}

    /** The eight segment registers with their hidden parts. */
    public record Segments(
            Segment es, Segment cs, Segment ss, Segment ds, Segment fs, Segment gs, Segment ldtr, Segment tr) {}

    /**
     * One segment register.
     *
     * @param limit in bytes, granularity applied
     * @param access the access-rights word as in a descriptor's bits 40..55: type, S, DPL, P, AVL, L, D, G
     */
    public record Segment(int selector, long base, long limit, int access) {}

    /** A descriptor-table register. */
    public record Table(long base, int limit) {}

    /** Linear address of the next instruction. */
    public long linearRip() {
        return isLongMode() ? rip : (segments.cs.base + rip) & 0xffff_ffffL;
    }

    /** EFER.LMA and a 64-bit code segment. */
    public boolean isLongMode() {
        return (efer & 0x400) != 0 && (segments.cs.access & 0x2000) != 0;
    }

    /** Name of the processor mode. */
    public String modeName() {
        if ((cr0 & 1) == 0) {
            return "real mode";
        }
        if ((efer & 0x400) != 0) {
            return isLongMode() ? "long mode" : "compatibility mode";
        }
        return (cr0 & 0x8000_0000L) != 0 ? "protected mode" : "protected mode, paging off";
    }

    /** A block of text of about fifteen lines, as kernels print it. */
    public String format() {
        final General g = general;
        return "vcpu " + vcpu + ", " + modeName() + "\n"
                + line("RIP", rip, "RFLAGS", rflags, "EFER", efer)
                + line("RAX", g.rax, "RBX", g.rbx, "RCX", g.rcx)
                + line("RDX", g.rdx, "RSI", g.rsi, "RDI", g.rdi)
                + line("RBP", g.rbp, "RSP", g.rsp, "R8", g.r8)
                + line("R9", g.r9, "R10", g.r10, "R11", g.r11)
                + line("R12", g.r12, "R13", g.r13, "R14", g.r14)
                + line("R15", g.r15, "CR0", cr0, "CR2", cr2)
                + line("CR3", cr3, "CR4", cr4, "CR8", cr8)
                + segmentLine("CS", segments.cs)
                + segmentLine("SS", segments.ss)
                + segmentLine("DS", segments.ds)
                + segmentLine("ES", segments.es)
                + segmentLine("FS", segments.fs)
                + segmentLine("GS", segments.gs)
                + segmentLine("TR", segments.tr)
                + "  GDT    base " + hex16(gdt.base) + " limit " + Integer.toHexString(gdt.limit) + "\n"
                + "  IDT    base " + hex16(idt.base) + " limit " + Integer.toHexString(idt.limit) + "\n";
    }

    private static String line(String n1, long v1, String n2, long v2, String n3, long v3) {
        return "  " + pad(n1) + hex16(v1) + "  " + pad(n2) + hex16(v2) + "  " + pad(n3) + hex16(v3) + "\n";
    }

    private static String segmentLine(String name, Segment s) {
        return "  " + pad(name) + "sel " + hex4(s.selector) + " base " + hex16(s.base) + " limit "
                + Long.toHexString(s.limit) + " access " + hex4(s.access) + "\n";
    }

    private static String pad(String name) {
        return (name + "       ").substring(0, 7);
    }

    private static String hex16(long value) {
        final String digits = Long.toHexString(value);
        return "0".repeat(16 - digits.length()) + digits;
    }

    private static String hex4(int value) {
        final String digits = Integer.toHexString(value & 0xffff);
        return "0".repeat(4 - digits.length()) + digits;
    }
}
