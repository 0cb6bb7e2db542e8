package io.jvmm.vcpu.board;

import io.jvmm.ipc.counters.BoardCounter;
import io.jvmm.ipc.counters.BoardPage;
import io.jvmm.ipc.counters.CounterBlock;
import io.jvmm.ipc.counters.HeapMeter;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.message.StopCause;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.vcpu.engine.Vcpu;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The board thread: listens to devices and to the supervisor, and starts, holds and ends the vCPU threads.
 *
 * <p>One thread runs {@link #serve()}. It sleeps in one ppoll on the doorbells of all links, on the supervisor's link and on
 * its own attention eventfd, which vCPU threads signal; an idle machine costs nothing. Everything sent to the supervisor is
 * sent from this thread. What a full event ring cannot take is sent again later, except log lines, which are dropped and
 * counted.
 *
 * <p>Hostile: devices. See {@link DeviceListener} for what they may say and how much. Life: {@link #startThreads()} before
 * the jail closes (no thread can start afterwards; they sleep until START), then {@link #serve()} until STOP.
 */
public final class Board {
    private static final long RETRY_NS = 5_000_000;
    private static final long LARGEST_WAIT_NS = 3_600_000_000_000L;
    private static final long JOIN_MS = 1_500;
    private static final long BEGIN_MS = 10_000;
    private static final long ERROR_LOG_PERIOD_NS = 1_000_000_000;
    private static final long HEAP_PERIOD_NS = 200_000_000;

    private final ProcessEndpoint supervisor;
    private final EventFd attention;
    private final Poller poller;
    private final int attentionIndex;
    private final int supervisorIndex;
    private final int controlIndex;
    private final List<DeviceListener> devices = new ArrayList<>();
    private final List<VcpuLoop> loops = new ArrayList<>();
    private final List<Thread> threads = new ArrayList<>();
    private final long[] guestErrorsTold;
    private final AckQueue acks = new AckQueue();
    private final Replacements replacements = new Replacements(devices, acks);
    private final RunGate gate = new RunGate();
    private final Counters counters;
    private final HeapMeter heap;
    private final @Nullable ExpansionBus bus;

    private @Nullable MachineState state;
    private boolean assembled;
    private @Nullable SupervisorRequestType holdFor;
    /** Taken while {@link #holdFor} was not done, and not for then. */
    private @Nullable SupervisorRequestType deferred;

    private @Nullable StopReport stop;
    private boolean stopLogged;
    private boolean stopTold;
    private boolean firstInstructionTold;
    private boolean ending;
    private long nextErrorLogNs;

    /** Why {@link #serve()} came back. */
    public enum End {
        /** The supervisor said STOP; it has been acknowledged. */
        STOPPED,
        /** The supervisor is gone. */
        SUPERVISOR_GONE
    }

    /**
     * Where accesses go.
     *
     * @param bus what is behind some of them and is put together at START; null for nothing
     */
    public record Maps(
            AddressMap ports, AddressMap memory, @Nullable ExpansionBus bus) {
        /** Of a board without such a bus. */
        public Maps(AddressMap ports, AddressMap memory) {
            this(ports, memory, null);
        }
    }

    /**
     * A board at rest.
     *
     * @param attention the eventfd that the devices were given
     * @param control the control socket, watched for its end; null where there is none
     * @param exitTimeoutNs how long a vCPU may wait for a device in one exit; a little more for one with many items
     */
    public Board(
            ProcessEndpoint supervisor,
            EventFd attention,
            @Nullable Fd control,
            List<BoardDevice> devices,
            List<? extends Vcpu> vcpus,
            Maps maps,
            long exitTimeoutNs) {
        this(supervisor, attention, control, devices, vcpus, maps, exitTimeoutNs, null);
    }

    /** The same, which counts in the supervisor's page where there is one. */
    public Board(
            ProcessEndpoint supervisor,
            EventFd attention,
            @Nullable Fd control,
            List<BoardDevice> devices,
            List<? extends Vcpu> vcpus,
            Maps maps,
            long exitTimeoutNs,
            @Nullable BoardPage page) {
        final CounterBlock block = page == null ? new CounterBlock() : page.board();
        this.counters = new Counters(block);
        this.heap = new HeapMeter(
                block, BoardCounter.ALLOCATED_BYTES, BoardCounter.COLLECTIONS, HEAP_PERIOD_NS, Clock.monotonicNs());
        this.supervisor = supervisor;
        this.attention = attention;
        this.bus = maps.bus();
        this.poller = new Poller(3 + devices.size() + (bus == null ? 0 : bus.descriptors()));
        this.attentionIndex = poller.add(attention.fd(), Poller.READABLE);
        this.supervisorIndex = poller.add(supervisor.requestDoorbell().fd(), Poller.READABLE);
        this.controlIndex = control == null ? -1 : poller.add(control, 0);
        final long now = Clock.monotonicNs();
        for (final BoardDevice d : devices) {
            this.devices.add(new DeviceListener(d, bus, counters, poller, now));
        }
        if (bus != null) {
            bus.watch(poller);
        }
        for (final Vcpu v : vcpus) {
            final Counters own = page == null ? new Counters() : new Counters(page.vcpu(v.index()));
            loops.add(new VcpuLoop(v, maps, gate, attention, exitTimeoutNs, own));
        }
        this.guestErrorsTold = new long[devices.size()];
    }

    /** Has the machine's state kept there, from now on. Before {@link #serve()}. */
    public void keepStateIn(MachineState newState) {
        state = newState;
    }

    /**
     * Starts one platform thread a vCPU and waits until each has begun; they sleep until the supervisor says START. A thread's
     * own start makes system calls (stack guards, its name) that the narrow filter would answer with death.
     *
     * @throws VcpuStartException when the host refuses a thread, or a thread cannot be bound to its vCPU, or does not begin in
     *     time; the process has no use then and is expected to end
     */
    public void startThreads() {
        final CountDownLatch begun = new CountDownLatch(loops.size());
        final AtomicReference<@Nullable VcpuStartException> failure = new AtomicReference<>();
        for (int i = 0; i < loops.size(); i++) {
            final VcpuLoop loop = loops.get(i);
            final int index = i;
            final Runnable life = () -> {
                try {
                    loop.vcpu().bind();
                } catch (RuntimeException | Error e) {
                    failure.compareAndSet(null, new VcpuStartException(index, String.valueOf(e.getMessage()), e));
                    return;
                } finally {
                    begun.countDown();
                }
                loop.run();
            };
            final Thread t = new Thread(null, life, "vcpu-" + i, 256 << 10);
            t.setDaemon(true);
            try {
                t.start();
            } catch (OutOfMemoryError e) {
                throw new VcpuStartException(index, "the host gives no more threads (raise jail.max_threads)", e);
            }
            threads.add(t);
        }
        awaitAll(begun, BEGIN_MS);
        final VcpuStartException e = failure.get();
        if (e != null) {
            throw e;
        }
    }

    /** Returns when all have begun, by success or failure. */
    static void awaitAll(CountDownLatch begun, long timeoutMs) {
        try {
            if (!begun.await(timeoutMs, TimeUnit.MILLISECONDS)) {
                throw new VcpuStartException(
                        begun.getCount() + " vCPU threads have not begun within " + timeoutMs + " ms");
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException("nobody interrupts the board thread", e);
        }
    }

    /** Serves until the supervisor says STOP or is gone; all vCPU threads have then ended, or were given up on. */
    public End serve() {
        while (true) {
            final long now = Clock.monotonicNs();
            final boolean more = pollDevices(now);
            pollSupervisor(now);
            takeReports();
            takePower();
            replacements.work(now, gate.isOpen());
            tellSupervisor(now);
            heap.look(now);
            if (ending) {
                return end(End.STOPPED);
            }
            if (isSupervisorGone()) {
                return end(End.SUPERVISOR_GONE);
            }
            sleep(now, more);
        }
    }

    /** Sum over all threads. */
    public long counter(BoardCounter counter) {
        long sum = counters.get(counter);
        if (bus != null) {
            sum += bus.counters().get(counter);
        }
        for (final VcpuLoop loop : loops) {
            sum += loop.counters().get(counter);
        }
        return sum;
    }

    private boolean pollDevices(long now) {
        boolean more = false;
        for (int i = 0; i < devices.size(); i++) {
            more |= devices.get(i).poll(now);
        }
        return more;
    }

    private void takePower() {
        for (int i = 0; i < devices.size() && stop == null; i++) {
            final PowerAction action = devices.get(i).powerAction();
            final PowerOrigin origin = devices.get(i).powerOrigin();
            if (action != null && origin != null) {
                final StopCause cause = switch (action) {
                    case POWER_OFF -> StopCause.POWERED_OFF;
                    case RESET -> StopCause.RESET;
                };
                stopGuest(new StopReport(cause, 0, 0, origin.number(), ""));
            }
        }
    }

    private boolean takesRequests() {
        return !ending && !acks.isFull() && deferred == null && !replacements.isBusy();
    }

    /**
     * While a vCPU has to come to a stand it may wait for a device's successor: what concerns devices is not held up by that, and neither is the end.
     */
    private void pollSupervisor(long now) {
        while (takesRequests() && supervisor.next()) {
            final SupervisorRequestType request = supervisor.request();
            final long argument = supervisor.argument();
            final long detail = supervisor.detail();
            supervisor.release();
            switch (request) {
                case DEVICE_AWAY, DEVICE_BACK, DEVICE_BROKEN ->
                    replacements.carryOut(request, argument, detail, supervisor, now);
                case STOP -> ending = true; // acknowledged when every vCPU thread has ended
                case PING -> acks.add(request, AckQueue.DONE);
                default -> {
                    if (holdFor == null) {
                        carryOut(request);
                    } else {
                        deferred = request;
                    }
                }
            }
        }
    }

    private void carryOut(SupervisorRequestType request) {
        switch (request) {
            case START, RESUME -> {
                if (gate.isOpen() || stop != null) {
                    acks.add(request, AckQueue.WRONG_STATE);
                } else {
                    begin();
                    acks.add(request, AckQueue.DONE);
                }
            }
            case PAUSE, DRAIN -> {
                setGate(RunGate.Wanted.HOLD);
                holdFor = request; // acknowledged when every vCPU stands still
                acks.addLater(request);
            }
            default -> acks.add(request, AckQueue.NOT_MINE);
        }
    }

    /** Lets the guest run; before the first time the bus is put together from what all devices have declared before they were ready. */
    private void begin() {
        if (bus != null && !assembled) {
            assembled = true;
            for (int i = 0; i < devices.size(); i++) {
                devices.get(i).hearOut();
            }
            final String problem = bus.assemble();
            if (!problem.isEmpty()) {
                stopGuest(new StopReport(StopCause.ENGINE_ERROR, 0, 0, 0, "PCI: " + problem));
                return;
            }
            for (int i = 0; i < devices.size(); i++) {
                devices.get(i).assembled();
            }
        }
        if (state != null) {
            state.leave();
        }
        replacements.watchFrom(Clock.monotonicNs());
        setGate(RunGate.Wanted.RUN);
    }

    /** What vCPU threads found out. */
    private void takeReports() {
        for (int i = 0; i < loops.size() && stop == null; i++) {
            final StopReport report = loops.get(i).report();
            if (report != null) {
                stopGuest(report);
            }
        }
        if (holdFor != null && allStill()) {
            saveState(stop == null ? MachineStateLayout.Moment.PAUSED : MachineStateLayout.Moment.STOPPED);
            acks.done(holdFor, AckQueue.DONE);
            holdFor = null;
            if (deferred != null) {
                carryOut(deferred);
                deferred = null;
            }
        }
    }

    /** Every vCPU stands still. */
    private void saveState(MachineStateLayout.Moment moment) {
        if (state != null) {
            state.save(moment, stop);
        }
    }

    private void stopGuest(StopReport report) {
        stop = report;
        setGate(RunGate.Wanted.HOLD);
        replacements.release();
    }

    private void setGate(RunGate.Wanted wanted) {
        gate.set(wanted);
        for (int i = 0; i < loops.size(); i++) {
            loops.get(i).vcpu().kick();
            if (i < threads.size()) {
                LockSupport.unpark(threads.get(i));
            }
        }
    }

    private boolean allStill() {
        for (int i = 0; i < loops.size(); i++) {
            if (loops.get(i).isRunning() && loops.get(i).report() == null) {
                return false;
            }
        }
        return true;
    }

    /** Sends what is due. Each of these is sent once; a false from a full ring means: later. */
    private void tellSupervisor(long now) {
        if (!firstInstructionTold && !loops.isEmpty() && loops.getFirst().firstInstructionNs() != 0) {
            firstInstructionTold = supervisor.firstInstruction(loops.getFirst().firstInstructionNs());
        }
        for (int i = 0; i < devices.size(); i++) {
            devices.get(i).tell(supervisor, now);
        }
        if (now >= nextErrorLogNs) {
            logGuestErrors(now);
        }
        if (stop != null && !stopTold && allStill()) {
            if (!stopLogged) {
                saveState(MachineStateLayout.Moment.STOPPED);
                stop.text().lines().forEach(line -> supervisor.log(LogLevel.ERROR, line));
            }
            stopLogged = true;
            stopTold = supervisor.guestStopped(stop.cause(), stop.vcpu(), stop.rip(), stop.detail());
        }
        acks.send(supervisor);
    }

    /** At most one line a second and device, however many errors the guest provokes. */
    private void logGuestErrors(long now) {
        for (int i = 0; i < devices.size(); i++) {
            final DeviceListener d = devices.get(i);
            if (d.guestErrors() != guestErrorsTold[i]) {
                guestErrorsTold[i] = d.guestErrors();
                nextErrorLogNs = now + ERROR_LOG_PERIOD_NS;
                supervisor.log(
                        LogLevel.DEBUG,
                        d.device().name() + ": " + d.guestErrors() + " guest errors so far, the last of kind "
                                + d.lastErrorCode());
            }
        }
    }

    /** How long it may sleep because of what it has to do or to tell. */
    private long duty(long now) {
        final boolean untold = acks.isDue() || (stop != null && !stopTold && allStill());
        return Math.min(untold ? RETRY_NS : LARGEST_WAIT_NS, replacements.within(now, gate.isOpen(), RETRY_NS));
    }

    private boolean isSupervisorGone() {
        return controlIndex >= 0 && poller.ready(controlIndex) != 0;
    }

    private void sleep(long now, boolean more) {
        long timeout = more ? 0 : duty(now);
        boolean quiet = supervisor.prepareToSleep() || !takesRequests();
        for (int i = 0; i < devices.size(); i++) {
            final DeviceListener d = devices.get(i);
            quiet &= d.prepareToSleep();
            timeout = Math.min(timeout, d.deafForNs(now));
        }
        if (bus != null) {
            timeout = Math.min(timeout, bus.deafForNs(now));
        }
        poller.await(quiet ? timeout : 0);
        counters.increment(BoardCounter.WAKE_UPS);
        supervisor.awake();
        for (int i = 0; i < devices.size(); i++) {
            devices.get(i).awake();
        }
        if (bus != null) {
            bus.serve(now);
        }
        if (poller.ready(supervisorIndex) != 0) {
            supervisor.requestDoorbell().drain();
        }
        if (poller.ready(attentionIndex) != 0) {
            attention.drain();
        }
    }

    private End end(End how) {
        setGate(RunGate.Wanted.STOP);
        replacements.release();
        try {
            final long deadline = Clock.monotonicNs() + JOIN_MS * 1_000_000;
            for (final Thread t : threads) {
                t.join(Math.max(1, (deadline - Clock.monotonicNs()) / 1_000_000));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (how == End.STOPPED) {
            final boolean ended = allEnded();
            if (ended) {
                saveState(MachineStateLayout.Moment.STOPPED);
            }
            final int status = ended ? AckQueue.DONE : AckQueue.STUCK;
            tellCounters();
            if (holdFor != null) {
                acks.done(holdFor, status);
            }
            acks.add(SupervisorRequestType.STOP, status);
            tellSupervisor(Clock.monotonicNs());
        }
        return how;
    }

    /** Whether every vCPU thread that was started has ended; one that has not is named in the log. */
    private boolean allEnded() {
        boolean all = true;
        for (int i = 0; i < threads.size(); i++) {
            if (!loops.get(i).hasEnded()) {
                all = false;
                supervisor.log(LogLevel.ERROR, "vcpu " + i + ": its thread still runs " + JOIN_MS + " ms after STOP");
            }
        }
        return all;
    }

    private void tellCounters() {
        final StringBuilder line = new StringBuilder(256).append("counters:");
        for (final BoardCounter c : BoardCounter.values()) {
            final long value = counter(c);
            supervisor.counter(c.number(), value);
            if (value != 0) {
                line.append(' ').append(c.name()).append('=').append(value);
            }
        }
        if (supervisor.logDropped() != 0) {
            line.append(" LOG_RECORDS_DROPPED=").append(supervisor.logDropped());
        }
        supervisor.log(LogLevel.DEBUG, line);
    }
}
