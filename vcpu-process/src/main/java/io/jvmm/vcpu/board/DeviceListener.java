package io.jvmm.vcpu.board;

import io.jvmm.ipc.counters.BoardCounter;
import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.message.DeviceEventHandler;
import io.jvmm.ipc.message.DeviceEventType;
import io.jvmm.ipc.message.LogLevel;
import io.jvmm.ipc.message.PciFunction;
import io.jvmm.ipc.message.PowerAction;
import io.jvmm.ipc.message.PowerOrigin;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.sys.Poller;
import org.jspecify.annotations.Nullable;

/**
 * The board thread's ear for one device: polls its events within a budget, acts on those this device may send, notes when
 * the link goes bad, and carries out the replacement of its process. The budget is the device's and not its process's: it gains nothing by dying. Board thread only; allocates nothing unless something is wrong.
 */
final class DeviceListener implements DeviceEventHandler {
    /** Some 50,000 events a second: far above what a sane device sends, and well below one processor's worth. */
    static final int UNITS_PER_PERIOD = 512;

    static final long PERIOD_NS = 10_000_000;

    private static final int BATCH = 64;

    private static final String NO_BUS = "declares a PCI function, and there is no PCI bus";

    /** What 31 functions with as many capabilities as fit would say, with room for more. */
    private static final int MOST_DECLARATIONS = 1024;

    /** Made beforehand, because the narrow filter lets no class be loaded later. */
    private final Violation powerForbidden = forbidden(DeviceEventType.POWER);

    private final Violation functionForbidden = forbidden(DeviceEventType.PCI_FUNCTION);
    private final Violation capabilityForbidden = forbidden(DeviceEventType.PCI_CAPABILITY);

    private final BoardDevice device;
    private final BoardEndpoint endpoint;
    private final Counters counters;
    private final EventBudget budget;
    private final Poller poller;
    private final int pollIndex;

    private final @Nullable ExpansionBus bus;

    private boolean watched = true;
    private boolean hungReported;
    private boolean severed;
    private boolean violationTold;
    private boolean away;
    private boolean stallOwed;
    private @Nullable PowerAction powerAction;
    private @Nullable PowerOrigin powerOrigin;
    /** Why it was severed, for people; empty where the violation says it all. */
    private String refusal = "";

    private long guestErrors;
    private int lastErrorCode;

    DeviceListener(BoardDevice device, @Nullable ExpansionBus bus, Counters counters, Poller poller, long nowNs) {
        this.device = device;
        this.bus = bus;
        this.endpoint = device.endpoint();
        this.counters = counters;
        this.poller = poller;
        this.pollIndex = poller.add(endpoint.eventDoorbell().fd(), Poller.READABLE);
        this.budget = new EventBudget(UNITS_PER_PERIOD, PERIOD_NS, nowNs);
    }

    private static Violation forbidden(DeviceEventType type) {
        return new Violation(Violation.Kind.UNKNOWN_MESSAGE, 0, new byte[] {(byte) type.number()});
    }

    BoardDevice device() {
        return device;
    }

    /** Takes what the device has said, at most a batch; true if there may be more that may be taken now. */
    boolean poll(long nowNs) {
        if (severed || away) {
            return false;
        }
        final int left = budget.left(nowNs);
        if (left == 0) {
            throttle();
            return false;
        }
        listen();
        final int n = endpoint.pollEvents(this, Math.min(left, BATCH));
        counters.add(BoardCounter.DEVICE_EVENTS, n);
        budget.spend(n);
        if (endpoint.health() == LinkHealth.SEVERED) {
            sever();
        }
        return n > 0 && !severed;
    }

    /** Takes all that the device has declared so far, within a bound. */
    void hearOut() {
        hearOut(MOST_DECLARATIONS);
    }

    private void hearOut(int most) {
        int left = most;
        while (left > 0 && !severed && !away) {
            final int n = endpoint.pollEvents(this, Math.min(left, BATCH));
            counters.add(BoardCounter.DEVICE_EVENTS, n);
            budget.spend(n);
            left = n == 0 ? 0 : left - n;
            if (endpoint.health() == LinkHealth.SEVERED) {
                sever();
            }
        }
    }

    /**
     * The device's process is gone. What it still said is heard, as much as a ring holds; then its ring is not touched any more.
     *
     * @param renew nobody may be inside the link until {@link #back}
     * @return false when it has been given up for good
     */
    boolean away(boolean renew, long deathNs, ProcessEndpoint supervisor, long nowNs) {
        if (endpoint.health() == LinkHealth.BROKEN) {
            return false;
        }
        leave(supervisor, nowNs);
        return endpoint.away(renew, Math.min(deathNs, nowNs));
    }

    private void leave(ProcessEndpoint supervisor, long nowNs) {
        if (away) {
            return;
        }
        hearOut(endpoint.eventBound());
        endpoint.stall().finish(nowNs);
        tell(supervisor, nowNs);
        away = true;
        severed = false;
        // What the process has done wrong and was not told of concerns nobody any more.
        hungReported = true;
        violationTold = true;
        if (watched) {
            poller.ignore(pollIndex);
            watched = false;
        }
        counters.increment(BoardCounter.DEVICES_AWAY);
    }

    /** The successor is there. False when none was awaited. */
    boolean back() {
        if (!away || endpoint.health() == LinkHealth.BROKEN) {
            return false;
        }
        device.forgive();
        away = false;
        hungReported = false;
        violationTold = false;
        refusal = "";
        stallOwed = true;
        endpoint.back();
        return true;
    }

    /** There will be no successor. */
    void breakDown(ProcessEndpoint supervisor, long nowNs) {
        if (endpoint.health() != LinkHealth.BROKEN) {
            leave(supervisor, nowNs);
            stallOwed = false;
            if (bus != null) {
                bus.broken(device);
            }
            device.breakDown();
            counters.increment(BoardCounter.DEVICES_BROKEN);
        }
    }

    /** The bus has been put together: a device that was given up before that has its functions there all the same. */
    void assembled() {
        if (bus != null && endpoint.health() == LinkHealth.BROKEN) {
            bus.broken(device);
        }
    }

    /** Says what the supervisor has to know and has not been told; what does not fit is said later. */
    void tell(ProcessEndpoint supervisor, long nowNs) {
        final long hungNs = hungNs();
        if (hungNs != 0 && supervisor.deviceHung(device.index(), hungNs)) {
            hungReported = true;
            counters.increment(BoardCounter.DEVICES_HUNG);
        }
        if (severed && !violationTold) {
            final Violation violation = endpoint.violation();
            violationTold = violation == null || supervisor.peerViolation(device.index(), violation);
            if (violationTold && !refusal.isEmpty()) {
                supervisor.log(LogLevel.ERROR, device.name() + ": " + refusal);
            }
        }
        if (stallOwed
                && endpoint.stall().isDone(nowNs)
                && supervisor.deviceStall(
                        device.index(),
                        endpoint.stall().messages(),
                        endpoint.stall().stallNs())) {
            stallOwed = false;
            counters.add(BoardCounter.MESSAGES_STALLED, endpoint.stall().messages());
        }
    }

    /** How long the board may sleep because of what it still has to tell; {@link Long#MAX_VALUE} when that is nothing. */
    long untoldForNs(long nowNs, long retryNs) {
        if (hungNs() != 0 || (severed && !violationTold)) {
            return retryNs;
        }
        return stallOwed ? endpoint.stall().nextLookNs(nowNs) : Long.MAX_VALUE;
    }

    /** Before sleeping: false if there is something to do first. */
    boolean prepareToSleep() {
        if (!watched || endpoint.prepareToSleep()) {
            return true;
        }
        // There is something in the ring; should it never become an event, looking again and again is paid for, too.
        budget.spend(1);
        return false;
    }

    /** After sleeping. Every ring of the doorbell costs, or a device could keep us awake without saying a word. */
    void awake() {
        if (watched) {
            endpoint.awake();
            if (poller.ready(pollIndex) != 0) {
                endpoint.eventDoorbell().drain();
                budget.spend(1);
            }
        }
    }

    /** How long a device that talks too much will not be heard; {@link Long#MAX_VALUE} if that is not the case. */
    long deafForNs(long nowNs) {
        return watched || severed || away ? Long.MAX_VALUE : Math.max(0, budget.nextPeriodNs() - nowNs);
    }

    /** How long the device has let a vCPU wait, once; 0 if it is not hung or that has been told. */
    private long hungNs() {
        if (hungReported || endpoint.health() != LinkHealth.HUNG) {
            return 0;
        }
        return Math.max(1, endpoint.hungAfterNs());
    }

    /** The last power request; stays. */
    @Nullable
    PowerAction powerAction() {
        return powerAction;
    }

    @Nullable
    PowerOrigin powerOrigin() {
        return powerOrigin;
    }

    long guestErrors() {
        return guestErrors;
    }

    int lastErrorCode() {
        return lastErrorCode;
    }

    @Override
    public void configChanged(int function, int generation) {
        counters.increment(BoardCounter.IGNORED_EVENTS);
    }

    @Override
    public void needsReset(int function, int reason) {
        counters.increment(BoardCounter.IGNORED_EVENTS);
    }

    @Override
    public void guestError(int code, long detail) {
        counters.increment(BoardCounter.GUEST_ERRORS);
        guestErrors++;
        lastErrorCode = code;
    }

    @Override
    public void power(PowerAction action, PowerOrigin origin) {
        if (device.mayPower()) {
            powerAction = action;
            powerOrigin = origin;
        } else {
            counters.increment(BoardCounter.IGNORED_EVENTS);
            endpoint.sever(powerForbidden);
        }
    }

    @Override
    public void pciFunction(PciFunction declaration) {
        final String wrong = bus == null ? NO_BUS : bus.declare(device, declaration);
        if (!wrong.isEmpty()) {
            refuse(functionForbidden, wrong);
        }
    }

    @Override
    public void pciCapability(int function, byte[] bytes) {
        final String wrong = bus == null ? NO_BUS : bus.declare(device, function, bytes);
        if (!wrong.isEmpty()) {
            refuse(capabilityForbidden, wrong);
        }
    }

    private void refuse(Violation violation, String why) {
        counters.increment(BoardCounter.IGNORED_EVENTS);
        refusal = why;
        endpoint.sever(violation);
    }

    private void listen() {
        if (!watched) {
            poller.watch(pollIndex, endpoint.eventDoorbell().fd(), Poller.READABLE);
            watched = true;
        }
    }

    private void throttle() {
        if (watched) {
            poller.ignore(pollIndex);
            watched = false;
            counters.increment(BoardCounter.THROTTLED);
        }
    }

    private void sever() {
        poller.ignore(pollIndex);
        watched = false;
        severed = true;
        counters.increment(BoardCounter.DEVICES_SEVERED);
    }
}
