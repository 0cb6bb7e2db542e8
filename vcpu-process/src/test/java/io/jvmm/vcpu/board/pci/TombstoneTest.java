package io.jvmm.vcpu.board.pci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.counters.BoardCounter;
import io.jvmm.vcpu.board.PciMap;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A virtio function whose device has been given up, as a driver meets it: the sequences of accesses are those of Linux's virtio_pci_modern (probe, remove,
 * reset), the rules those of virtio 1.2.
 */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class TombstoneTest {
    private static final int SLOT = 3;
    private static final int COMMAND = 4;
    private static final int DEVICE_FEATURE_SELECT = 0;
    private static final int DEVICE_FEATURE = 4;
    private static final int DRIVER_FEATURE = 12;
    private static final int CONFIG_MSIX_VECTOR = 16;
    private static final int NUM_QUEUES = 18;
    private static final int STATUS = 20;
    private static final int GENERATION = 21;
    private static final int QUEUE_RESET = 58;
    private static final int DEVICE_CONFIG = 0x2000;

    private static final int ACKNOWLEDGE = 1;
    private static final int DRIVER = 2;
    private static final int DRIVER_OK = 4;
    private static final int FEATURES_OK = 8;
    private static final int NEEDS_RESET = 0x40;
    private static final int LIVE = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;

    private final FakeEngine engine = new FakeEngine();
    private final PciRig rig = new PciRig(engine, 2);
    private final PciRig.Plugged it = rig.plug(SLOT, PciRig.function(0, 3, 2), PciRig.virtioCapabilities());
    private final long bar = bar();

    private long bar() {
        rig.assemble();
        rig.config(SLOT, COMMAND, 2, 6);
        return rig.bar(SLOT, 0);
    }

    @AfterEach
    void close() {
        rig.close();
    }

    private void status(int value) {
        rig.store(bar + STATUS, 1, value);
    }

    private void die() {
        rig.bus().broken(it.device().board);
        it.device().boardEnd.breakDown();
    }

    /** §2.1.2: if DRIVER_OK is set the device sets DEVICE_NEEDS_RESET and sends a configuration change notification. */
    @Test
    void virtio12Section212TheDriverIsToldOnceOnEachVector() {
        status(LIVE);
        die();
        assertEquals(LIVE | NEEDS_RESET, rig.load(bar + STATUS, 1));
        for (var line : it.lines()) {
            assertEquals(1, line.drain());
        }
        assertEquals(1, it.intx().drain());
        die();
        assertEquals(0, it.lines().getFirst().drain(), "told once");
    }

    @Test
    void nobodyIsToldWhereNoDriverListens() {
        status(ACKNOWLEDGE | DRIVER);
        die();
        assertEquals(0, it.lines().getFirst().drain());
        assertEquals(0, it.intx().drain());
        assertEquals(ACKNOWLEDGE | DRIVER | NEEDS_RESET, rig.load(bar + STATUS, 1));
    }

    /** §4.1.4.5: with INTx the driver asks ISR, which tells once. */
    @Test
    void isrTellsOnceWhy() {
        status(LIVE);
        die();
        rig.lookAtIntx(0);
        assertEquals(1L << 3, rig.config(SLOT, 6, 2) & 1 << 3, "the interrupt status of configuration space");
        assertEquals(3, rig.load(bar + PciRig.ISR, 1));
        assertEquals(0, rig.load(bar + PciRig.ISR, 1));
        assertEquals(0, rig.config(SLOT, 6, 2) & 1 << 3);
    }

    /** vp_reset: writes 0 and reads until it is 0; then the rest of virtio_pci_remove. */
    @Test
    void removeEnds() {
        status(LIVE);
        die();
        status(0);
        assertEquals(0, rig.load(bar + STATUS, 1));
        // vp_del_vqs: each queue and the configuration loose their vectors; what was written is not kept.
        rig.store(bar + CONFIG_MSIX_VECTOR, 2, 0xFFFF);
        assertEquals(0, rig.load(bar + CONFIG_MSIX_VECTOR, 2));
        assertEquals(0, rig.load(bar + STATUS, 1), "for good");
    }

    /** vp_modern_set_queue_reset and reading the configuration are loops, too. */
    @Test
    void otherLoopsOfTheDriverEnd() {
        status(LIVE);
        die();
        rig.store(bar + QUEUE_RESET, 2, 1);
        assertEquals(0, rig.load(bar + QUEUE_RESET, 2));
        assertEquals(rig.load(bar + GENERATION, 1), rig.load(bar + GENERATION, 1));
        assertEquals(0, rig.load(bar + DEVICE_CONFIG, 4));
        assertEquals(0, rig.load(bar + DEVICE_CONFIG + 4, 8));
    }

    /** virtio_dev_probe on what is left: reset, acknowledge, features; §3.1.1 step 6: FEATURES_OK does not stay. */
    @Test
    void virtio12Section311ProbingFailsInOrder() {
        status(LIVE);
        die();
        assertEquals(0x1AF4, rig.config(SLOT, 0, 2), "the function is there");
        assertEquals(9, rig.config(SLOT, (int) rig.config(SLOT, 0x34, 1) + 12, 1), "and says where its registers are");
        status(0);
        assertEquals(0, rig.load(bar + STATUS, 1));
        status(ACKNOWLEDGE);
        status(ACKNOWLEDGE | DRIVER);
        for (int word = 0; word < 2; word++) {
            rig.store(bar + DEVICE_FEATURE_SELECT, 4, word);
            assertEquals(0, rig.load(bar + DEVICE_FEATURE, 4));
        }
        assertEquals(0, rig.load(bar + NUM_QUEUES, 2));
        rig.store(bar + DRIVER_FEATURE, 4, 1);
        status(ACKNOWLEDGE | DRIVER | FEATURES_OK);
        assertEquals(0, rig.load(bar + STATUS, 1) & FEATURES_OK);
    }

    @Test
    void aDriverThatHadJustResetTheDeviceIsNotKeptWaiting() {
        status(LIVE);
        status(0); // posted, never handled
        die();
        assertEquals(0, rig.load(bar + STATUS, 1));
    }

    @Test
    void doorbellsAndWritesReachNobody() {
        status(LIVE);
        it.device().heard();
        die();
        rig.store(bar + PciRig.NOTIFY, 2, 0);
        rig.store(bar + DEVICE_CONFIG, 4, 7);
        assertEquals(List.of(), it.device().heard());
        assertEquals(1, rig.bus().counters().get(BoardCounter.KICKS_DROPPED));
    }

    /** §4.1.4.9: the window of configuration space shows the same. */
    @Test
    void theWindowShowsTheSame() {
        status(LIVE);
        die();
        int window = (int) rig.config(SLOT, 0x34, 1);
        while (rig.config(SLOT, window + 3, 1) != 5 || rig.config(SLOT, window, 1) != 9) {
            window = (int) rig.config(SLOT, window + 1, 1);
        }
        rig.config(SLOT, window + 4, 1, 0);
        rig.config(SLOT, window + 8, 4, STATUS);
        rig.config(SLOT, window + 12, 4, 1);
        assertEquals(LIVE | NEEDS_RESET, rig.config(SLOT, window + 16, 1));
        rig.config(SLOT, window + 16, 1, 0);
        assertEquals(0, rig.config(SLOT, window + 16, 1));
    }

    /** A vCPU waits for the device's answer, or for its successor, while it is given up; it does not see all ones. */
    @Test
    void aReadThatWaitedIsAnsweredByTheTombstone() throws InterruptedException {
        for (boolean away : new boolean[] {false, true}) {
            final PciRig other = new PciRig(new FakeEngine(), 2);
            other.timeoutNs = 30_000_000_000L;
            final PciRig.Plugged dead = other.plug(SLOT, PciRig.function(0, 1, 1), PciRig.virtioCapabilities());
            other.assemble();
            other.config(SLOT, COMMAND, 2, 6);
            final long at = other.bar(SLOT, 0);
            other.store(at + STATUS, 1, LIVE);
            if (away) {
                dead.device().boardEnd.away(true, System.nanoTime());
            }
            final long[] value = new long[1];
            final AtomicBoolean reading = new AtomicBoolean();
            final Thread vcpu = Thread.ofPlatform().start(() -> {
                reading.set(true);
                value[0] = other.load(at + STATUS, 1);
            });
            while (!reading.get()) {
                Thread.onSpinWait();
            }
            Thread.sleep(5);
            other.bus().broken(dead.device().board);
            dead.device().boardEnd.breakDown();
            vcpu.join();
            assertEquals(LIVE | NEEDS_RESET, value[0]);
            other.close();
        }
    }

    @Test
    void onlyTheFunctionsOfTheDeviceAreConcerned() {
        final PciRig two = new PciRig(new FakeEngine(), 1);
        final PciRig.Plugged dead = two.plug(4, PciRig.function(0, 1, 1), PciRig.virtioCapabilities());
        final PciRig.Plugged alive = two.plug(5, PciRig.function(0, 1, 1), PciRig.virtioCapabilities());
        two.assemble();
        two.config(4, COMMAND, 2, 6);
        two.config(5, COMMAND, 2, 6);
        two.answering();
        two.bus().broken(dead.device().board);
        assertEquals(0, two.load(two.bar(4, 0) + DEVICE_CONFIG, 4));
        assertEquals(PciRig.answer(0, DEVICE_CONFIG), two.load(two.bar(5, 0) + DEVICE_CONFIG, 4));
        assertTrue(alive.device().boardEnd.violation() == null);
        assertTrue(two.bar(4, 0) >= PciMap.WINDOW_START);
        two.close();
    }
}
