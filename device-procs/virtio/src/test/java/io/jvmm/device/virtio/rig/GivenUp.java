package io.jvmm.device.virtio.rig;

import io.jvmm.device.virtio.VirtioFactory;
import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.sys.Fd;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What a driver gets of a function that has been given up, queue by queue: for the table of a class. */
public final class GivenUp {
    private static final int READABLE_BYTES = 16;
    private static final int WRITABLE_BYTES = 5;
    /** What the rig fills buffers with. */
    private static final byte UNTOUCHED = (byte) 0xA5;

    private static final int MANY = 4_000;
    private static final int SOME = 1_000;
    private static final int DEPTH = 4;

    private GivenUp() {}

    /**
     * One word a queue, {@code left}, {@code returned}, {@code status N} or {@code notice of N}: for a buffer that was there before, and one that comes later, in the same way. What is
     * answered costs no allocation.
     *
     * @param entries of the configuration, beside the example's
     * @param features those of a driver
     */
    public static List<String> answers(VirtioFactory factory, Map<String, String> entries, long features) {
        Map<String, Fd> descriptors = factory.scratchDescriptors();
        try (VirtioRig rig = new VirtioRig(factory, entries, descriptors, 16 << 20)) {
            RigDriver driver = rig.driver().setUp(features);
            for (int queue = 0; queue < driver.queueCount(); queue++) {
                driver.queue(queue).offer(new byte[READABLE_BYTES], WRITABLE_BYTES); // and no kick
            }
            rig.giveUp();
            rig.settle();
            List<String> answers = new ArrayList<>();
            for (int queue = 0; queue < driver.queueCount(); queue++) {
                String before = answer(driver.queue(queue));
                driver.queue(queue).offer(new byte[READABLE_BYTES], WRITABLE_BYTES);
                driver.queue(queue).kickAnyway();
                rig.settle();
                String later = answer(driver.queue(queue));
                answers.add(before.equals(later) ? before : before + ", then " + later);
                if (!later.equals("left")) {
                    RigLoad load = new RigLoad(driver, queue, new byte[READABLE_BYTES], WRITABLE_BYTES, DEPTH);
                    load.run(MANY);
                    Allocations.assertNoneIn("queue " + queue, () -> load.run(SOME));
                }
            }
            if (rig.guestErrors() > 0) {
                throw new AssertionError(rig.guestErrors() + " guest errors");
            }
            return answers;
        } finally {
            descriptors.values().forEach(Fd::close);
        }
    }

    private static boolean isZero(byte[] bytes) {
        for (byte one : bytes) {
            if (one != 0) {
                return false;
            }
        }
        return true;
    }

    private static String answer(RigQueue queue) {
        Completion done = queue.reap();
        if (done == null) {
            return "left";
        }
        if (done.lengthBytes() != 0 && done.lengthBytes() == done.written().length && isZero(done.written())) {
            return "notice of " + done.lengthBytes();
        }
        if (done.lengthBytes() != 0) {
            throw new AssertionError(done + " says that there is something from the beginning on");
        }
        byte last = done.writable()[WRITABLE_BYTES - 1];
        return last == UNTOUCHED ? "returned" : "status " + last;
    }
}
