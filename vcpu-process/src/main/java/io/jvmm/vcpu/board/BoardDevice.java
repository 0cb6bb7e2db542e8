package io.jvmm.vcpu.board;

import io.jvmm.ipc.counters.BoardPage;
import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.sys.EventFd;

/**
 * A device process as the board sees it: its link, and what it is allowed to say.
 *
 * <p>{@link #read} and {@link #write} belong to vCPU threads; they answer in bounded time even when the device is dead, and
 * the first one that finds it so wakes the board thread, which tells the supervisor.
 */
public final class BoardDevice implements RegisterTarget {
    private final int index;
    private final String name;
    private final BoardEndpoint endpoint;
    private final EventFd attention;
    private final boolean mayPower;
    private final LinkMeter meter;
    private volatile boolean inTrouble;

    /**
     * A device on its link.
     *
     * @param index the number the supervisor knows it by, its place in the boot record's list of devices
     * @param attention the board's own eventfd
     * @param mayPower whether a POWER event of this device switches the machine off; only the platform device's does
     */
    public BoardDevice(int index, String name, BoardEndpoint endpoint, EventFd attention, boolean mayPower) {
        this(index, name, endpoint, attention, mayPower, new LinkMeter(endpoint.vcpus()));
    }

    /** The same, counted in the supervisor's page. */
    public BoardDevice(
            int index, String name, BoardEndpoint endpoint, EventFd attention, boolean mayPower, BoardPage page) {
        this(index, name, endpoint, attention, mayPower, new LinkMeter(page, index, endpoint));
    }

    private BoardDevice(
            int index, String name, BoardEndpoint endpoint, EventFd attention, boolean mayPower, LinkMeter meter) {
        this.meter = meter;
        this.index = index;
        this.name = name;
        this.endpoint = endpoint;
        this.attention = attention;
        this.mayPower = mayPower;
    }

    @Override
    public long read(int vcpuIndex, int region, int offset, int widthBytes) {
        final boolean timed = meter.read(vcpuIndex);
        final long startNs = timed ? System.nanoTime() : 0;
        final long value = endpoint.read(vcpuIndex, region, offset, widthBytes);
        if (timed) {
            meter.timed(vcpuIndex, System.nanoTime() - startNs);
        }
        checkHealth();
        return value;
    }

    @Override
    public void write(int vcpuIndex, int region, int offset, int widthBytes, long value) {
        meter.write(vcpuIndex);
        endpoint.write(vcpuIndex, region, offset, widthBytes, value);
        checkHealth();
    }

    /** Notifies virtqueue {@code queue} (of all functions of the device): posted. */
    public void kick(int vcpuIndex, int queue) {
        meter.kick(vcpuIndex);
        endpoint.kick(vcpuIndex, queue);
        checkHealth();
    }

    @Override
    public void giveUp(long waitedNs) {
        endpoint.giveUp(waitedNs);
        checkHealth();
    }

    /** There is no successor for its process and will be none. Board thread. */
    public void breakDown() {
        endpoint.breakDown();
    }

    int index() {
        return index;
    }

    /** The process, for messages. */
    public String name() {
        return name;
    }

    BoardEndpoint endpoint() {
        return endpoint;
    }

    boolean mayPower() {
        return mayPower;
    }

    /** Board thread: what has been found wrong with its process is over. */
    void forgive() {
        inTrouble = false;
    }

    private void checkHealth() {
        final LinkHealth health = endpoint.health();
        if (health != LinkHealth.CONNECTED
                && !inTrouble
                && (health == LinkHealth.HUNG || health == LinkHealth.SEVERED)) {
            inTrouble = true;
            attention.signal();
        }
    }
}
