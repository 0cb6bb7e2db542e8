package io.jvmm.device.block;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.device.api.HostileStates;
import io.jvmm.device.virtio.VirtioProcess;
import io.jvmm.device.virtio.rig.GivenUp;
import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A disk that has been given up: every request fails, and the disk keeps its size. */
class BrokenBlockTest {

    @ParameterizedTest
    @ValueSource(longs = {-1L, ~RigDriver.F_RING_PACKED})
    void requestsFail(long features) {
        assertEquals(List.of("status 1", "status 1"), GivenUp.answers(new BlockFactory(), Map.of(), features));
    }

    /** Of four requests that workers had not done, and one that waited for them. */
    @ParameterizedTest
    @ValueSource(longs = {-1L, ~RigDriver.F_RING_PACKED})
    void whatWasUnderWayFails(long features) {
        List<SlowImage> images = new ArrayList<>();
        try (Disk disk = new Disk(SlowImage.factory(images::add), features, "packed=true")) {
            RigQueue queue = disk.driver.queue(0);
            images.getLast().hold();
            for (int i = 0; i < 4; i++) {
                queue.offer(Disk.header(Disk.IN, i), Disk.SECTOR + 1);
            }
            queue.offer(Disk.join(Disk.header(Disk.OUT, 0), Disk.pattern(1, Disk.SECTOR)), 1);
            queue.kick();
            disk.rig.await("reads that are held", () -> images.getLast().holding() > 0);
            images.getLast().release();
            disk.rig.giveUp();
            disk.rig.settle();
            for (int i = 0; i < 5; i++) {
                assertEquals(Disk.IOERR, Disk.status(queue.reaped()));
            }
            assertEquals(0, queue.outstanding());
        }
    }

    /** Linux looks when it is told that the function is broken, in two halves; a disk of no size would read as an empty file. */
    @ParameterizedTest
    @ValueSource(longs = {-1L, ~RigDriver.F_RING_PACKED})
    void itsSizeStays(long features) {
        try (Disk disk = new Disk(new BlockFactory(), features)) {
            disk.rig.giveUp();
            assertEquals(Disk.SECTORS, disk.driver.config(0, 4));
            assertEquals(0, disk.driver.config(4, 4));
            assertEquals(Disk.SECTORS, disk.driver.config(0, 8));
            assertEquals(0, disk.driver.config(BlockField.WRITEBACK.offset(), 1));
        }
    }

    @Test
    void predecessorsThatLie() {
        System.out.println(HostileStates.runCaretaker(new VirtioProcess(new BlockFactory()), HostileStates.cases(200)));
    }
}
