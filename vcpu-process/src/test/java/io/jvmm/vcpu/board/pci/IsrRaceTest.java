package io.jvmm.vcpu.board.pci;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.sys.Poller;
import io.jvmm.vcpu.board.Counters;
import io.jvmm.vcpu.board.PciMap;
import java.util.Objects;
import java.util.function.IntSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * A guest reads ISR (virtio 1.2 §4.1.4.5.1) while the device begins to assert, and while the board thread hears of it: what the read has told is not told
 * again by status bit and interrupt, and what is new is not lost.
 */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class IsrRaceTest {
    private static final int SLOT = 3;

    private final FakeEngine engine = new FakeEngine();
    private final PciRig rig = new PciRig(engine, 2);
    private final PciRig.Plugged it = rig.plug(SLOT, PciRig.function(0, 3, 2), PciRig.virtioCapabilities());
    private final Poller poller;
    private volatile boolean ending;
    private final Thread device = new Thread(this::serve);
    /** What the device does when it is asked for its ISR; answers that. */
    private volatile IntSupplier isr = () -> 0;

    IsrRaceTest() {
        rig.assemble();
        rig.config(SLOT, 4, 2, 6);
        poller = new Poller(rig.bus().descriptors());
        rig.bus().watch(poller);
        device.setDaemon(true);
        device.start();
    }

    @AfterEach
    void end() throws InterruptedException {
        ending = true;
        device.join();
    }

    private void serve() {
        while (!ending) {
            while (it.device().end.next()) {
                it.device().end.done(); // so that it can see whether there is another one
                it.device().end.reply(isr.getAsInt());
                it.device().end.giveBack();
            }
            Thread.onSpinWait();
        }
    }

    private long readIsr(IntSupplier answer) {
        isr = answer;
        return rig.load(rig.bar(SLOT, 0) + PciRig.ISR, 1);
    }

    private long raised() {
        poller.await(0);
        rig.bus().serve(System.nanoTime());
        return Objects.requireNonNull(engine.pins.get(PciMap.gsi(SLOT, 0)))
                .line()
                .drain();
    }

    private long status() {
        return rig.config(SLOT, 6, 2) & 8;
    }

    @Test
    void whatTheBoardHasNotHeardYetIsOverWithTheRead() {
        it.intx().signal();
        assertEquals(1, readIsr(() -> 1));
        assertEquals(0, raised(), "no interrupt for what the guest knows");
        assertEquals(0, status());
    }

    @Test
    void whatBeginsDuringTheReadIsInItsAnswer() {
        assertEquals(1, readIsr(() -> {
            it.intx().signal();
            return 1;
        }));
        assertEquals(0, raised());
        assertEquals(0, status());
    }

    /** The board thread may be the first to see that signal: the interrupt is raised, and the status is right. */
    @Test
    void whatTheBoardHearsDuringTheReadIsInItsAnswerToo() {
        assertEquals(1, readIsr(() -> {
            it.intx().signal();
            rig.lookAtIntx(0);
            return 1;
        }));
        assertEquals(0, status());
    }

    /** It asserts, is read, and asserts again before the guest's processor has gone on. */
    @Test
    void whatIsNewIsNotLost() {
        it.intx().signal();
        assertEquals(1, readIsr(() -> {
            it.intx().signal();
            return 1;
        }));
        assertEquals(8, status());
        assertEquals(1, raised());
        assertEquals(0, readIsr(() -> 0));
        assertEquals(0, status());
        assertEquals(2, readIsr(() -> {
            it.intx().signal();
            it.intx().signal();
            return 2;
        }));
        assertEquals(8, status());
        assertEquals(1, raised());
    }

    /** The guest ends the interrupt first and reads later, as a driver with a threaded handler does: the device has told of it before. */
    @Test
    void anEndBeforeTheRead() {
        it.intx().signal();
        assertEquals(1, raised());
        final FakeEngine.Pin pin = Objects.requireNonNull(engine.pins.get(PciMap.gsi(SLOT, 0)));
        pin.ended().signal();
        assertEquals(0, raised());
        assertEquals(1, it.again().drain());
        assertEquals(0, status());
        assertEquals(1, readIsr(() -> {
            // Not the device's answer to being asked, but something new.
            it.intx().signal();
            return 1;
        }));
        assertEquals(8, status(), "told once and asserted again");
        assertEquals(1, raised());
    }

    /** Two processors read at once, and the device's answer to the one that looked first comes last: what it asserts then is nobody's answer. */
    @Test
    void twoReadsAtOnce() throws InterruptedException {
        final long register = rig.bar(SLOT, 0) + PciRig.ISR;
        final Thread other = new Thread(() -> rig.maps().memory().read(1, register, 1, new Counters()));
        it.intx().signal();
        assertEquals(0, readIsr(() -> {
            isr = () -> {
                it.intx().signal();
                return 1;
            };
            other.start();
            while (!it.device().end.hasNext()) {
                Thread.onSpinWait();
            }
            return 0;
        }));
        other.join();
        assertEquals(8, status());
        assertEquals(1, raised());
    }

    /** All ones are what a dead device answers: nothing is taken for told. */
    @Test
    void aDeadDeviceTellsNothing() {
        assertEquals(0xFF, readIsr(() -> {
            it.intx().signal();
            return 0xFF;
        }));
        assertEquals(8, status());
        assertEquals(1, raised());
    }
}
