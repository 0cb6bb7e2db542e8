package io.jvmm.vcpu.x86.cpu;

import io.jvmm.vcpu.x86.fpu.X87;
import io.jvmm.vcpu.x86.mmu.AccessWatch;
import io.jvmm.vcpu.x86.mmu.DeviceSpace;
import io.jvmm.vcpu.x86.mmu.GuestException;
import io.jvmm.vcpu.x86.mmu.Mmu;
import io.jvmm.vcpu.x86.mmu.Vector;
import java.lang.invoke.VarHandle;

/**
 * The registers of one vCPU: plain fields, written by its own thread alone, but for {@link #requestAttention()}.
 *
 * <p>Fields are public because steps and translated code use them directly. What has consequences when it changes is
 * changed through the classes that know them: {@link ControlRegisters}, {@link Segmentation}, {@link #setFlags}.
 */
public final class Cpu {
    /** Index into {@link #r} of a register that is always zero, for addresses without base or index. */
    public static final int ZERO = 16;
    /** Number of a register in {@link #xmm} that the guest does not have: where translated code puts memory operands. */
    public static final int XMM_SCRATCH = 16;

    public static final int RAX = 0;
    public static final int RCX = 1;
    public static final int RDX = 2;
    public static final int RBX = 3;
    public static final int RSP = 4;
    public static final int RBP = 5;
    public static final int RSI = 6;
    public static final int RDI = 7;

    /** 0-based number, also the APIC id. */
    public final int index;

    public final Mmu mmu;
    public final DeviceSpace devices;
    public final InterruptUnit interrupts;
    public final TimeSource time;
    /** The one object with which every exception is raised. */
    public final GuestException exception;

    /** RAX RCX RDX RBX RSP RBP RSI RDI R8..R15, then {@link #ZERO}. */
    public final long[] r = new long[17];
    /** The next instruction, as an offset into CS. Up to date between blocks; see {@link Step}. */
    public long rip;
    /** RIP of the first instruction of the block that runs. */
    public long blockRip;

    /** Lazy status flags, see {@link Flags}. */
    public int flagsKind;

    public long flagsResult;
    public long flagsSource;
    /** RFLAGS without the six status flags: TF, IF, DF, IOPL, NT, RF, VM, AC, VIF, VIP, ID; bit 1 is set. */
    public int otherFlags = 2;

    /** ES CS SS DS FS GS LDTR TR. */
    public final Segment[] segments = new Segment[8];

    public long gdtBase;
    public int gdtLimit;
    public long idtBase;
    public int idtLimit;

    public long cr0;
    public long cr2;
    public long cr3;
    public long cr4;
    public long efer;
    public long xcr0 = 1;
    public final long[] dr = new long[8];

    /** 0..3: DPL of SS, but 3 in virtual-8086 mode and 0 in real mode. */
    public int cpl;
    /** Width of code now: 2, 4 or 8 bytes (16-bit, 32-bit, 64-bit mode). */
    public int codeBytes = 2;
    /** What decoded code depends on, see {@link ModeKey}; kept by {@link ControlRegisters#updateMode}. */
    public int modeKey;

    public long star;
    public long lstar;
    public long cstar;
    public long syscallMask;
    public long kernelGsBase;
    public long sysenterCs;
    public long sysenterEsp;
    public long sysenterEip;
    public long pat = 0x0007_0406_0007_0406L;
    public long tscAux;
    /** What is added to the machine's time to give the time-stamp counter. */
    public long tscOffset;

    /** XMM0..XMM15, then {@link #XMM_SCRATCH}: low half at {@code 2i}, high half at {@code 2i + 1}; then scratch of package simd. */
    public final long[] xmm = new long[36];

    public int mxcsr = 0x1f80;
    /** Exceptions that the SSE instruction in progress has met, as bits of MXCSR; zero between instructions. */
    public int simdExceptions;
    /** x87 and MMX state. */
    public final X87 x87 = new X87();
    /** Scratch of FXRSTOR, XRSTOR and task switches: what was read, before anything is changed. */
    public final long[] fpuImage = new long[64];

    /** Model-specific registers that nobody but {@link Msrs} uses. */
    public final MsrBank msrs = new MsrBank();
    /** What CPUID tells; the engine replaces it by one that knows the number of vCPUs. */
    public Cpuid cpuid;

    /** HLT has been executed and nothing has woken the processor yet. */
    public boolean halted;
    /** Interrupts are held off until one more instruction has run (STI, MOV SS, POP SS). */
    public boolean interruptShadow;
    /** RIP behind the STI that has last let interrupts in amid a block: to be in their shadow should the block be left there. */
    public long shadowRip;
    /** An NMI is being handled: no other until IRET. */
    public boolean nmiBlocked;
    /** MOV SS or POP SS has just run: no debug exception before the next instruction has. */
    public boolean debugShadow;
    /** The processor has shut down (triple fault). */
    public boolean shutdown;
    /** Vector of an acknowledged interrupt whose delivery a device exit interrupted, else -1. */
    public int undelivered = -1;
    /** The EXT bit of error codes: 1 while an event is delivered that the program did not ask for (SDM 3A 6.13). */
    int externalEvent;
    /** What has to be done about code at a serializing instruction; set by who executes. */
    public CodeFence codeFence = CodeFence.NONE;
    /** Tells {@link Debugging} of accesses while data breakpoints are armed. */
    final AccessWatch watch = new DataWatch(this);
    /** Where frames are pushed and popped by far transfers. */
    final StackCursor frame = new StackCursor(this);
    /** The stack of the caller, whose parameters a call gate copies. */
    final StackCursor callerFrame = new StackCursor(this);
    /** RFLAGS.TF and RF as they were when the instruction in progress began, see {@link Debugging#before}. */
    public int stepFlags;
    /** DR6 bits of data breakpoints that the instruction in progress has met. */
    public int watchHits;

    /**
     * Instructions this vCPU may still execute before the executor looks at the world outside; counted down by blocks.
     * Also what bounds the time an interrupt waits.
     */
    public int budget;
    /** What {@link #budget} was when the translated region that runs was entered. */
    public int regionBudget;
    /** Instructions retired, up to date whenever the executor is between two blocks. */
    public long retired;

    /** What the budget has been charged for besides instructions: items of repetitions. Time passes with them, too. */
    public long charged;

    private volatile boolean attention;

    /** A processor in its reset state is made by {@link ResetState}. */
    public Cpu(
            int index,
            Mmu mmu,
            DeviceSpace devices,
            InterruptUnit interrupts,
            TimeSource time,
            GuestException exception) {
        this.index = index;
        this.mmu = mmu;
        this.devices = devices;
        this.interrupts = interrupts;
        this.time = time;
        this.exception = exception;
        for (int i = 0; i < segments.length; i++) {
            segments[i] = new Segment();
        }
        cpuid = new Cpuid(index, index + 1);
    }

    /** RFLAGS, all of it. */
    public int flags() {
        return otherFlags | Flags.status(flagsKind, flagsResult, flagsSource);
    }

    /** The six status flags as bits. */
    public int statusFlags() {
        return Flags.status(flagsKind, flagsResult, flagsSource);
    }

    /** Sets the six status flags from bits; other bits of {@code bits} are ignored. */
    public void setStatusFlags(int bits) {
        flagsKind = Flags.EXPLICIT;
        flagsSource = bits & Flags.STATUS;
    }

    /**
     * Writes those bits of RFLAGS that {@code mask} names, with what follows from a change of AC (SMAP); when TF or RF
     * becomes set, or IF while an interrupt waits, the budget is over, so that the executor looks. Checks nothing.
     */
    public void setFlags(int value, int mask) {
        if ((mask & Flags.STATUS) == Flags.STATUS) {
            setStatusFlags(value);
        } else if ((mask & Flags.STATUS) != 0) {
            setStatusFlags((statusFlags() & ~mask) | (value & mask));
        }
        final int other = mask & ~Flags.STATUS;
        final int before = otherFlags;
        otherFlags = (before & ~other) | (value & other) | 2;
        final int changed = before ^ otherFlags;
        final int set = changed & otherFlags;
        if ((set & (Flags.TF | Flags.RF)) != 0 || ((set & Flags.IF) != 0 && interrupts.isInterruptPending())) {
            budget = 0;
        }
        if ((changed & Flags.AC) != 0) {
            mmu.setPrivilege(cpl == 3, (otherFlags & Flags.AC) != 0);
        }
    }

    /**
     * What a serializing instruction does when all else of it is done (SDM 3A 8.3, APM 2 7.6.4): every store so far is visible to all
     * before the next instruction, and what follows is executed as memory holds it now.
     */
    public void serialize() {
        VarHandle.fullFence();
        codeFence.serialize();
    }

    /** Leaves lazy flags behind. */
    public void setLazy(int kind, long result, long source) {
        flagsKind = kind;
        flagsResult = result;
        flagsSource = source;
    }

    /** CF now. */
    public boolean carry() {
        return Flags.carry(flagsKind, flagsResult, flagsSource);
    }

    /** A condition 0..15 now, see {@link Flags#test}. */
    public boolean condition(int condition) {
        return Flags.test(condition, flagsKind, flagsResult, flagsSource);
    }

    /** The state components that an instruction of the XSAVE family names in EDX:EAX and XCR0 enables. */
    public long requestedFeatures() {
        return ((r[RDX] << 32) | (r[RAX] & 0xffff_ffffL)) & xcr0;
    }

    /** The time-stamp counter. */
    public long tsc() {
        return time.nowNs() + tscOffset;
    }

    /** Makes the vCPU's thread look up from guest code soon. Any thread. */
    public void requestAttention() {
        attention = true;
    }

    /** Whether somebody asked. */
    public boolean attention() {
        return attention;
    }

    /** Takes note of the requests so far: called before looking at what is wanted. */
    public void clearAttention() {
        attention = false;
    }

    /** 64-bit mode: EFER.LMA and CS.L. */
    public boolean is64() {
        return codeBytes == 8;
    }

    /** CR0.PE. */
    public boolean isProtected() {
        return (cr0 & 1) != 0;
    }

    /** EFER.LMA. */
    public boolean isLongMode() {
        return (efer & 0x400) != 0;
    }

    /** RFLAGS.VM: virtual-8086 mode. */
    public boolean isVirtual86() {
        return (otherFlags & Flags.VM) != 0;
    }

    /** RFLAGS.IOPL, 0..3. */
    public int iopl() {
        return (otherFlags >> 12) & 3;
    }

    /** #UD. To be thrown. */
    public GuestException undefined() {
        return exception.of(Vector.UD);
    }

    /** #GP(0). To be thrown. */
    public GuestException protection() {
        return exception.of(Vector.GP, 0);
    }
}
