package io.jvmm.vcpu.board;

import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.message.SupervisorRequestLayout;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.sys.Clock;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the board has to do with the replacement of device processes (PROTOCOL.md, "Replacing a device"): it carries out the supervisor's requests
 * about devices, sees that a link is empty before it is scrubbed, and finds devices that hang unnoticed. Board thread; allocates only at DEVICE_BACK.
 */
final class Replacements {
    /** How often it is looked whether a link is empty, and how long at most. */
    private static final long VACATE_LOOK_NS = 200_000;

    private static final long VACATE_NS = 1_000_000_000;
    private static final long NEVER = Long.MAX_VALUE;

    private final List<DeviceListener> devices;
    private final AckQueue acks;

    /** A device whose link the vCPUs are to leave. */
    private @Nullable DeviceListener vacating;

    private long vacatingSinceNs;
    private long nextLookNs;

    Replacements(List<DeviceListener> devices, AckQueue acks) {
        this.devices = devices;
        this.acks = acks;
    }

    /** No further request may be taken: one is being carried out. */
    boolean isBusy() {
        return vacating != null;
    }

    /** DEVICE_AWAY, DEVICE_BACK or DEVICE_BROKEN. */
    void carryOut(SupervisorRequestType request, long argument, long detail, ProcessEndpoint supervisor, long now) {
        final DeviceListener d = find((int) argument);
        if (d == null) {
            acks.add(request, AckQueue.NOT_MINE);
        } else if (request == SupervisorRequestType.DEVICE_BROKEN) {
            d.breakDown(supervisor, now);
            acks.add(request, AckQueue.DONE);
        } else if (request == SupervisorRequestType.DEVICE_BACK) {
            acks.add(request, d.back() ? AckQueue.DONE : AckQueue.WRONG_STATE);
        } else {
            away(d, argument >>> Integer.SIZE == SupervisorRequestLayout.AWAY_LINK_RENEWED, detail, supervisor, now);
        }
    }

    private void away(DeviceListener d, boolean renew, long deathNs, ProcessEndpoint supervisor, long now) {
        if (!d.away(renew, deathNs, supervisor, now)) {
            acks.add(SupervisorRequestType.DEVICE_AWAY, AckQueue.WRONG_STATE);
        } else if (renew) {
            vacating = d;
            // Not the turn's time: to hear the device out may have taken as long as the settling.
            vacatingSinceNs = Clock.monotonicNs();
            acks.addLater(SupervisorRequestType.DEVICE_AWAY);
        } else {
            acks.add(SupervisorRequestType.DEVICE_AWAY, AckQueue.DONE);
        }
    }

    private @Nullable DeviceListener find(int index) {
        for (int i = 0; i < devices.size(); i++) {
            if (devices.get(i).device().index() == index) {
                return devices.get(i);
            }
        }
        return null;
    }

    /** What is due now. */
    void work(long now, boolean guestRuns) {
        vacate(now);
        if (guestRuns && now - nextLookNs >= 0) {
            lookForHangs(now);
        }
    }

    /** Acknowledges that a link may be scrubbed, once no vCPU is inside. */
    private void vacate(long now) {
        final DeviceListener d = vacating;
        if (d == null || now - vacatingSinceNs < BoardEndpoint.settleNs()) {
            return;
        }
        final boolean vacant = d.device().endpoint().isVacant();
        if (vacant || now - vacatingSinceNs >= VACATE_NS) {
            vacating = null;
            acks.done(SupervisorRequestType.DEVICE_AWAY, vacant ? AckQueue.DONE : AckQueue.STUCK);
        }
    }

    /** A device that is only ever written to hangs unnoticed by vCPUs. */
    private void lookForHangs(long now) {
        long period = NEVER;
        for (int i = 0; i < devices.size(); i++) {
            final BoardEndpoint endpoint = devices.get(i).device().endpoint();
            endpoint.lookForHang(now);
            period = Math.min(period, endpoint.hangLookNs());
        }
        nextLookNs = now + Math.min(period, NEVER >> 1);
    }

    /** The guest runs from now on: what devices did before is not held against them. */
    void watchFrom(long now) {
        nextLookNs = now;
        for (int i = 0; i < devices.size(); i++) {
            devices.get(i).device().endpoint().forgetHang();
        }
    }

    /** How long the board may sleep; {@link Long#MAX_VALUE} when there is nothing to do. */
    long within(long now, boolean guestRuns, long retryNs) {
        long within = guestRuns ? Math.max(0, nextLookNs - now) : NEVER;
        if (vacating != null) {
            within = Math.min(within, Math.max(VACATE_LOOK_NS, vacatingSinceNs + BoardEndpoint.settleNs() - now));
        }
        for (int i = 0; i < devices.size(); i++) {
            within = Math.min(within, devices.get(i).untoldForNs(now, retryNs));
        }
        return within;
    }

    /** The guest has no more to do: a vCPU that waits for a device's successor would only delay the end. */
    void release() {
        for (int i = 0; i < devices.size(); i++) {
            devices.get(i).device().endpoint().release();
        }
    }
}
