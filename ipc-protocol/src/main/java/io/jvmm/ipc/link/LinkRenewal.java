package io.jvmm.ipc.link;

import org.agrona.concurrent.AtomicBuffer;

/**
 * What the supervisor scrubs of a device link between two processes that serve it: PROTOCOL.md, "Replacing a device". Only when the process at the
 * device's end has ended and the vCPU process has acknowledged DEVICE_AWAY, so that nobody else writes there.
 */
public final class LinkRenewal {
    private LinkRenewal() {}

    /** The direction from the device: event ring and event doorbell begin anew, and the header. Requests stay where they are. */
    public static void events(LinkMemory link) {
        link.restoreHeader();
        zero(link.eventRing());
        link.doorbells().putIntVolatile(LinkLayout.DOORBELL_EVENT_CONSUMER_ASLEEP, 0);
    }

    /** The link is as it was when it was made. */
    public static void whole(LinkMemory link) {
        zero(link.requestRing());
        zero(link.replySlots());
        zero(link.doorbells());
        events(link);
    }

    private static void zero(AtomicBuffer region) {
        region.setMemory(0, region.capacity(), (byte) 0);
    }
}
