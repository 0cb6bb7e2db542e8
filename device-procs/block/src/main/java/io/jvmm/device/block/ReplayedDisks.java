package io.jvmm.device.block;

import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.ipc.trace.Tape;
import java.util.List;
import org.agrona.DirectBuffer;

/** The host's side of the disks of a process in a replay: attaches what stands for images and workers, and brings results in their recorded order. */
final class ReplayedDisks implements HostCalls {
    private final List<BlockDevice> devices;
    private final Tape tape;
    private final RecordedWorkers workers;

    ReplayedDisks(List<BlockDevice> devices, Tape tape) {
        this.devices = devices;
        this.tape = tape;
        this.workers = new RecordedWorkers(tape, null);
    }

    @Override
    public boolean call(int method, long a, long b, long c, long nowNs, DirectBuffer bytes, int lengthBytes) {
        BlockCall call = BlockCall.of(method);
        if (call == null || a < 0 || a >= devices.size()) {
            return false;
        }
        BlockDevice device = devices.get((int) a);
        switch (call) {
            case ATTACH -> device.attach(new RecordedImage(tape, null), workers);
            case FINISH -> {
                return finish(device, b, c);
            }
            case FINISHED -> device.finished();
            case MAKE_SAFE -> device.makeSafe();
            case SUBMIT, READ, WRITE, LENGTH, BLOCK, PHYSICAL_BLOCK, DISCARD, LOST_WRITES -> {
                return false;
            }
        }
        return true;
    }

    private boolean finish(BlockDevice device, long ticket, long result) {
        BlockRequest request = workers.take(device, ticket);
        if (request == null) {
            return false; // no worker has it
        }
        request.result = result;
        device.finish(request);
        return true;
    }

    @Override
    public String nameOf(int method) {
        return BlockCall.nameOf(method);
    }
}
