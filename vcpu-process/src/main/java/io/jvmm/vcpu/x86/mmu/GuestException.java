package io.jvmm.vcpu.x86.mmu;

/**
 * An exception that the instruction in progress raises in the guest (SDM 3A chapter 6): control flow inside the software
 * CPU, thrown by whatever finds the fault and caught by whoever delivers it.
 *
 * <p>One object for the life of a vCPU, filled anew for each fault: no stack trace, no allocation. Thrown before the
 * instruction has changed any register, so that the instruction can be restarted (SDM 3A 6.6); the few that may have
 * written part of their result are documented where they throw.
 */
public final class GuestException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** {@link #errorCode()} of an exception that pushes none. */
    public static final int NO_ERROR_CODE = -1;

    private int vector;
    private int errorCode;
    private boolean nonCanonical;

    /** One for a vCPU. */
    public GuestException() {
        super("guest exception", null, false, false);
    }

    /** Fills in an exception without an error code. Returns this, to be thrown. */
    public GuestException of(int vector) {
        return of(vector, NO_ERROR_CODE);
    }

    /** Fills in an exception. Returns this, to be thrown. */
    public GuestException of(int vector, int errorCode) {
        this.vector = vector;
        this.errorCode = errorCode;
        this.nonCanonical = false;
        return this;
    }

    /**
     * A linear address that is not canonical: #GP(0), which becomes #SS(0) where the instruction reached memory through
     * SS. Only who knows the instruction can tell, see {@link #isNonCanonical()}.
     */
    public GuestException nonCanonical() {
        of(Vector.GP, 0);
        this.nonCanonical = true;
        return this;
    }

    /** Vector 0..31, see {@link Vector}. */
    public int vector() {
        return vector;
    }

    /** Error code, or {@link #NO_ERROR_CODE}. */
    public int errorCode() {
        return errorCode;
    }

    /** Whether this came from {@link #nonCanonical()}. */
    public boolean isNonCanonical() {
        return nonCanonical;
    }
}
