package io.jvmm.device.virtio;

import io.jvmm.device.api.DeviceConfig;
import io.jvmm.device.api.DeviceEffects;
import io.jvmm.device.api.StateRejectedException;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.trace.Tape;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The transport of one function: common configuration, interrupts, the life of its queues (virtio 1.2 §2, §3.1, §4.1). The registers
 * themselves are in {@link TransportRegisters}. Device thread; allocates nothing after construction.
 */
final class VirtioFunction implements VirtioHost {

    private final int function;
    private final VirtioIdentity identity;
    private final DeviceEffects effects;
    private final GuestMemory memory;
    private final @Nullable Tape tape;
    private final TransportState state;
    private final Queue[] queues;
    private final TransportRegisters registers;
    private final VirtioDevice device;
    /** First interrupt line: vector 0. INTx is behind the last vector. */
    private final int firstLine;

    private final boolean fresh;
    /** Given up: a {@link Caretaker} in the place of the device. */
    private final boolean broken;

    /** Queues that want a turn, a bit each. */
    private long awake;

    private int lastTurn;
    /** Queues with something to show the driver after the commit. */
    private long published;
    /** A configuration change to tell the driver after the commit. */
    private boolean configPending;

    VirtioFunction(
            int function,
            VirtioFactory factory,
            FunctionLayout layout,
            DeviceConfig config,
            AtomicBuffer all,
            boolean fresh,
            boolean broken,
            DeviceEffects effects,
            GuestMemory memory,
            @Nullable Tape tape,
            long nowNs) {
        this.function = function;
        this.identity = layout.identity();
        this.effects = effects;
        this.memory = memory;
        this.tape = tape;
        this.firstLine = layout.firstLine();
        this.fresh = fresh;
        this.broken = broken;
        this.state = new TransportState(all, layout.transportOffset());
        this.queues = new Queue[identity.queueSizes().size()];
        ChainReader reader = new ChainReader(memory);
        for (int i = 0; i < queues.length; i++) {
            int maxSize = identity.queueSizes().get(i);
            QueueState queueState = new QueueState(all, layout.queueOffset(i), maxSize, layout.packed());
            queues[i] = new Queue(this, i, maxSize, queueState, memory, reader, layout.packed());
        }
        if (fresh) {
            clear();
        } else {
            validate();
        }
        AtomicBuffer own = identity.stateLengthBytes() == 0
                ? new UnsafeBuffer(new byte[0])
                : new UnsafeBuffer(all, layout.deviceOffset(), identity.stateLengthBytes());
        this.device = broken
                ? new Caretaker(factory, identity, own, this)
                : factory.create(function, config, own, fresh, this, nowNs);
        this.registers = new TransportRegisters(this, state, queues, device, identity);
    }

    private void clear() {
        state.clear();
        for (Queue queue : queues) {
            queue.reset();
        }
    }

    // ---- adoption

    private void validate() {
        int status = state.status();
        boolean featuresOk = (status & CommonConfig.FEATURES_OK) != 0;
        require((state.driverFeatures() & ~declared()) == 0 || !featuresOk, "driver_feature", state.driverFeatures());
        require(
                (status & CommonConfig.DRIVER_OK) == 0 || featuresOk || (status & CommonConfig.NEEDS_RESET) != 0,
                "device_status",
                status);
        require(validVector(state.configVector()), "config_msix_vector", state.configVector());
        require((state.isr() & ~3) == 0, "isr_status", state.isr());
        for (int i = 0; i < queues.length; i++) {
            QueueState queue = queues[i].state();
            int size = queue.size();
            require(size >= 1 && size <= queues[i].maxSize(), "queue_size of queue " + i, size);
            require(validVector(queue.vector()), "queue_msix_vector of queue " + i, queue.vector());
            require(!queue.enabled() || featuresOk, "queue_enable of queue " + i, 1);
            require(queues[i].adopt(state.driverFeatures()), "ring of queue " + i, queue.desc());
        }
    }

    private void require(boolean holds, String what, long found) {
        if (!holds) {
            throw new StateRejectedException(
                    "virtio state of function " + function + ": " + what + " is 0x" + Long.toHexString(found));
        }
    }

    private boolean validVector(int vector) {
        return vector == CommonConfig.NO_VECTOR || vector < identity.vectors();
    }

    /** The last call on a new function: whatever a predecessor may not have told the driver is told, perhaps again. */
    void resume(long nowNs) {
        if (!fresh) {
            state.resetting(0); // nothing is under way in a new process
            for (Queue queue : queues) {
                queue.state().resetting(false);
            }
            if (active()) {
                for (int i = 0; i < queues.length; i++) {
                    if (queues[i].ready()) {
                        notifyQueue(i);
                        wake(i);
                    }
                }
            }
            // What is not owed is not told: Linux prints a line for each notice of a disk.
            configPending = state.noticeOwed();
        }
        if (broken && state.status() != 0) {
            needsReset(Caretaker.GIVEN_UP);
        }
        if (state.intx()) {
            effects.interruptLevel(intxLine(), true);
        }
        if (!fresh) {
            device.resume(nowNs);
        }
    }

    // ---- the device's view

    @Override
    public GuestMemory memory() {
        return memory;
    }

    @Override
    public @Nullable Tape tape() {
        return tape;
    }

    @Override
    public Virtqueue queue(int index) {
        return queues[index];
    }

    @Override
    public long features() {
        return (state.status() & CommonConfig.FEATURES_OK) != 0 ? state.driverFeatures() : 0;
    }

    @Override
    public boolean active() {
        int wanted = CommonConfig.DRIVER_OK;
        // One that is given up needs a reset, and answers all the same.
        int unwanted = (broken ? 0 : CommonConfig.NEEDS_RESET) | CommonConfig.FAILED;
        return (state.status() & (wanted | unwanted)) == wanted && state.resetting() == 0;
    }

    @Override
    public void configChanged() {
        state.generation(state.generation() + 1);
        effects.configChanged(function, state.generation());
        owe();
    }

    @Override
    public void needsReset(int reason) {
        if ((state.status() & CommonConfig.NEEDS_RESET) == 0) {
            state.status(state.status() | CommonConfig.NEEDS_RESET);
            effects.needsReset(function, reason);
            owe();
        }
    }

    /** The driver is to be told after the commit; should the process die before it has done so, by its successor. */
    private void owe() {
        configPending = true;
        state.noticeOwed(true);
    }

    @Override
    public void guestError(int code, long detail) {
        effects.guestError(code, detail);
    }

    @Override
    public void wake(int queue) {
        awake |= 1L << queue;
    }

    // ---- the process's view

    VirtioDevice device() {
        return device;
    }

    Queue ring(int index) {
        return queues[index];
    }

    /** What a driver is offered; of a function that is given up nothing, so that FEATURES_OK does not stay (§3.1.1). */
    long offered() {
        return broken ? 0 : declared();
    }

    private long declared() {
        return VirtioFeature.VERSION_1
                | (identity.features() & (VirtioFeature.IMPLEMENTED | ~VirtioFeature.TRANSPORT_BITS));
    }

    long read(int offset, int widthBytes) {
        return registers.read(offset, widthBytes);
    }

    void write(int offset, int widthBytes, long value, long nowNs) {
        registers.write(offset, widthBytes, value, nowNs);
    }

    void kick(int queue, long nowNs) {
        if (queue >= queues.length || !queues[queue].state().enabled()) {
            guestError(VirtioError.KICK_DISABLED, queue, 0);
        } else if (active()) {
            turn(queue, nowNs);
        }
    }

    /** The device serves one queue; one transaction. */
    private void turn(int queue, long nowNs) {
        awake &= ~(1L << queue);
        queues[queue].beforeTurn();
        if (device.service(queue, nowNs)) {
            wake(queue);
        }
    }

    boolean hasWork() {
        return awake != 0;
    }

    /** A turn for the next queue that wants one. */
    void work(long nowNs) {
        if (!active()) {
            awake = 0;
            return;
        }
        long behind = lastTurn == Long.SIZE - 1 ? 0 : awake & (-1L << (lastTurn + 1));
        lastTurn = Long.numberOfTrailingZeros(behind != 0 ? behind : awake);
        turn(lastTurn, nowNs);
    }

    void timer(long nowNs) {
        if (device.nextDeadlineNs() <= nowNs) {
            device.timer(nowNs);
        }
    }

    void published(int queue) {
        published |= 1L << queue;
    }

    /** After the commit: the driver is shown what it may see, and interrupted. */
    void committed() {
        long queuesToShow = published;
        if (queuesToShow != 0) {
            published = 0;
            do {
                int queue = Long.numberOfTrailingZeros(queuesToShow);
                queuesToShow &= queuesToShow - 1;
                if (queues[queue].flush()) {
                    notifyQueue(queue);
                }
            } while (queuesToShow != 0);
        }
        if (configPending) {
            configPending = false;
            if ((state.status() & CommonConfig.DRIVER_OK) != 0) {
                notifyConfig();
            }
            state.noticeOwed(false);
        }
        device.committed();
    }

    // ---- interrupts (§4.1.5.1)

    private int intxLine() {
        return firstLine + identity.vectors();
    }

    private void notifyQueue(int queue) {
        int vector = queues[queue].state().vector();
        if (vector == CommonConfig.NO_VECTOR) {
            assertIntx(CommonConfig.ISR_QUEUE);
        } else {
            effects.interrupt(firstLine + vector);
        }
    }

    private void notifyConfig() {
        if (state.configVector() == CommonConfig.NO_VECTOR) {
            assertIntx(CommonConfig.ISR_CONFIG);
        } else {
            state.isr(state.isr() | CommonConfig.ISR_CONFIG);
            effects.interrupt(firstLine + state.configVector());
        }
    }

    /** A source without a vector: MSI-X is off, or masks it; with MSI-X on the board keeps INTx down. */
    private void assertIntx(int bit) {
        state.isr(state.isr() | bit);
        if (!state.intx()) {
            state.intx(true);
            effects.interruptLevel(intxLine(), true);
        }
    }

    /** A read of the ISR status clears it (§4.1.4.5). */
    int takeIsr() {
        int isr = state.isr();
        if (isr != 0) {
            state.isr(0);
        }
        lowerIntx();
        return isr;
    }

    private void lowerIntx() {
        if (state.intx()) {
            state.intx(false);
            effects.interruptLevel(intxLine(), false);
        }
    }

    void resample(int line) {
        if (line == intxLine() && state.intx()) {
            effects.interruptLevel(line, true);
        }
    }

    // ---- resets

    /** Reset of the device (§2.4): complete when nothing of it touches guest memory any more. */
    void reset(long nowNs) {
        int before = state.status() | state.resetting();
        lowerIntx();
        clear();
        awake = 0;
        published = 0;
        configPending = false;
        device.reset(nowNs);
        state.resetting(allQuiet() ? 0 : before);
    }

    private boolean allQuiet() {
        for (int i = 0; i < queues.length; i++) {
            if (!device.quiet(i)) {
                return false;
            }
        }
        return true;
    }

    /** What the driver reads: 0 after a reset only once it is complete (§2.4.1). */
    int visibleStatus() {
        if (state.resetting() != 0 && allQuiet()) {
            state.resetting(0);
        }
        return state.resetting() != 0 ? state.resetting() : state.status();
    }

    /** Reset of one queue (§2.6.1). */
    void resetQueue(int index, long nowNs) {
        queues[index].reset();
        awake &= ~(1L << index);
        published &= ~(1L << index);
        device.queueReset(index, nowNs);
        queues[index].state().resetting(!device.quiet(index));
    }

    /** What queue_reset reads: 1 until the reset is complete. */
    boolean queueResetting(int index) {
        QueueState queue = queues[index].state();
        if (queue.resetting() && device.quiet(index)) {
            queue.resetting(false);
        }
        return queue.resetting();
    }

    /** DRIVER_OK was set: buffers may be there already. */
    void activate(long nowNs) {
        device.activate(state.driverFeatures(), nowNs);
        for (int i = 0; i < queues.length; i++) {
            if (queues[i].ready()) {
                wake(i);
            }
        }
    }

    void guestError(VirtioError error, int place, long detail) {
        effects.guestError(error.code(), ((long) place << 32) | (detail & 0xFFFF_FFFFL));
    }
}
