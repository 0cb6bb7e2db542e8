package io.jvmm.vcpu.engine;

/**
 * One virtual processor. All methods but {@link #kick()} belong to the thread that runs it, which is a platform thread
 * bound by its first {@link #run()}; before that any one thread may set it up.
 */
public interface Vcpu {
    /** 0-based; also the index used on device links. */
    int index();

    /**
     * Makes the calling thread the one that runs this vCPU. What a thread needs from the host for that, it gets here, so that
     * {@link #run()} needs nothing that a closed jail forbids; {@code run} does it by itself if nobody did.
     */
    void bind();

    /**
     * Runs guest code until something needs the caller. Allocates nothing. If the last exit was a read, its items must
     * have been completed.
     *
     * <p>Secondary processors wait inside for their INIT-SIPI sequence, a halted one for its interrupt: neither uses CPU.
     */
    ExitKind run();

    /**
     * Names who answers IN and OUT, which spares their exits. An engine that can ask in the middle of an instruction then does so
     * instead of returning {@link ExitKind#PIO_READ} and {@link ExitKind#PIO_WRITE}, and looks after each access whether it has been kicked; it may
     * still return them. One whose hardware leaves the guest for each access ignores this. Before the first {@link #run()}.
     */
    default void answerPorts(PortHandler handler) {}

    /** Details of the last exit: always the same object. */
    ExitView exit();

    /**
     * Makes the current or the next {@link #run()} return {@link ExitKind#KICKED} soon (microseconds), whatever the
     * guest does. Any thread; allocates nothing. The caller publishes what it wants <em>before</em> the kick, the vCPU's
     * thread reads it <em>after</em> {@code KICKED}. Kicks coalesce.
     */
    void kick();

    /** Puts the processor into its architectural reset state, then into {@code state}. Before its first {@link #run()}. */
    void setBootState(BootState state);

    /**
     * Finishes an access whose completion is still pending inside the engine, so that registers and memory are those of
     * an instruction boundary. Runs no further guest code. {@link #snapshot()} does it by itself.
     *
     * @return false when the instruction needs a further access to end: the next {@link #run()} comes back with it at once, and
     *     after that has been answered this can be called again. An instruction has a bounded number of accesses.
     */
    boolean settle();

    /** The registers, for an inspector or a crash report. Allocates. */
    VcpuRegisters snapshot();

    /**
     * Guest memory at a linear (virtual) address, through the guest's current page tables, for a crash report.
     *
     * @return at most {@code lengthBytes} bytes, fewer (perhaps none) where the guest has nothing mapped. Allocates.
     */
    byte[] readLinear(long linearAddress, int lengthBytes);
}
