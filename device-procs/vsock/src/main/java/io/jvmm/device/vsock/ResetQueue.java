package io.jvmm.device.vsock;

/**
 * RST packets for which there is no connection: answers to packets that belong to none (§5.10.6.4). Bounded; while it is full
 * the device takes no more packets from the guest, so that no answer is ever lost. Device thread only.
 */
final class ResetQueue {

    private final int[] hostPorts;
    private final int[] guestPorts;
    private final int[] types;
    private int head;
    private int count;

    ResetQueue(int capacity) {
        hostPorts = new int[capacity];
        guestPorts = new int[capacity];
        types = new int[capacity];
    }

    boolean isEmpty() {
        return count == 0;
    }

    boolean isFull() {
        return count == types.length;
    }

    void clear() {
        count = 0;
    }

    /** Only while it is not full. */
    void add(int hostPort, int guestPort, int type) {
        int at = (head + count) % types.length;
        hostPorts[at] = hostPort;
        guestPorts[at] = guestPort;
        types[at] = type;
        count++;
    }

    int hostPort() {
        return hostPorts[head];
    }

    int guestPort() {
        return guestPorts[head];
    }

    int type() {
        return types[head];
    }

    void remove() {
        head = (head + 1) % types.length;
        count--;
    }
}
