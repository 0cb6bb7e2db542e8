package io.jvmm.device.virtio;

import static io.jvmm.device.virtio.rig.RigDriver.ACKNOWLEDGE;
import static io.jvmm.device.virtio.rig.RigDriver.CONFIG_GENERATION;
import static io.jvmm.device.virtio.rig.RigDriver.CONFIG_MSIX_VECTOR;
import static io.jvmm.device.virtio.rig.RigDriver.DEVICE_CONFIG;
import static io.jvmm.device.virtio.rig.RigDriver.DEVICE_FEATURE;
import static io.jvmm.device.virtio.rig.RigDriver.DEVICE_FEATURE_SELECT;
import static io.jvmm.device.virtio.rig.RigDriver.DEVICE_STATUS;
import static io.jvmm.device.virtio.rig.RigDriver.DRIVER;
import static io.jvmm.device.virtio.rig.RigDriver.DRIVER_FEATURE;
import static io.jvmm.device.virtio.rig.RigDriver.DRIVER_FEATURE_SELECT;
import static io.jvmm.device.virtio.rig.RigDriver.DRIVER_OK;
import static io.jvmm.device.virtio.rig.RigDriver.FAILED;
import static io.jvmm.device.virtio.rig.RigDriver.FEATURES_OK;
import static io.jvmm.device.virtio.rig.RigDriver.ISR;
import static io.jvmm.device.virtio.rig.RigDriver.NEEDS_RESET;
import static io.jvmm.device.virtio.rig.RigDriver.NO_VECTOR;
import static io.jvmm.device.virtio.rig.RigDriver.NUM_QUEUES;
import static io.jvmm.device.virtio.rig.RigDriver.QUEUE_DESC;
import static io.jvmm.device.virtio.rig.RigDriver.QUEUE_DEVICE;
import static io.jvmm.device.virtio.rig.RigDriver.QUEUE_DRIVER;
import static io.jvmm.device.virtio.rig.RigDriver.QUEUE_ENABLE;
import static io.jvmm.device.virtio.rig.RigDriver.QUEUE_MSIX_VECTOR;
import static io.jvmm.device.virtio.rig.RigDriver.QUEUE_NOTIFY_DATA;
import static io.jvmm.device.virtio.rig.RigDriver.QUEUE_NOTIFY_OFF;
import static io.jvmm.device.virtio.rig.RigDriver.QUEUE_RESET;
import static io.jvmm.device.virtio.rig.RigDriver.QUEUE_SELECT;
import static io.jvmm.device.virtio.rig.RigDriver.QUEUE_SIZE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.PciDeclaration;
import io.jvmm.device.virtio.rig.RigDriver;
import io.jvmm.device.virtio.rig.RigQueue;
import io.jvmm.device.virtio.rig.VirtioRig;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The registers and the life of a device, clause by clause of virtio 1.2. */
class TransportTest {
    private final EchoFactory factory = new EchoFactory();
    private final VirtioRig rig = new VirtioRig(factory, Map.of());
    private final RigDriver driver = rig.driver();

    @AfterEach
    void close() {
        rig.close();
    }

    private void select(int queue) {
        driver.write(QUEUE_SELECT, 2, queue);
    }

    // ---- §2.2, feature bits

    @Test
    void s2_2_featuresOfferedAreThoseOfTheDeviceAndOfTheTransport() {
        long expected = 1L << 3 | 1L << 4 | 1L << 28 | 1L << 29 | 1L << 32 | 1L << 34 | 1L << 40;
        assertEquals(expected, driver.deviceFeatures());
        driver.write(DEVICE_FEATURE_SELECT, 4, 2);
        assertEquals(0, driver.read(DEVICE_FEATURE, 4));
    }

    @Test
    void s2_2_2_featuresThatWereNotOfferedAreRefused() {
        driver.reset();
        driver.write(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER);
        driver.driverFeatures(VirtioFeature.VERSION_1 | 1L << 33);
        driver.write(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK);
        assertEquals(ACKNOWLEDGE | DRIVER, driver.status());
        assertEquals(VirtioError.FEATURES.code(), rig.lastGuestErrorCode());
        driver.driverFeatures(VirtioFeature.VERSION_1);
        driver.write(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK);
        assertEquals(ACKNOWLEDGE | DRIVER | FEATURES_OK, driver.status());
    }

    @Test
    void s6_1_aDriverWithoutVersion1IsRefused() {
        driver.reset();
        driver.write(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER);
        driver.driverFeatures(1L << 28);
        driver.write(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK);
        assertEquals(ACKNOWLEDGE | DRIVER, driver.status());
    }

    @Test
    void s2_2_2_aSubsetTheDeviceCannotWorkWithIsRefused() {
        driver.negotiate(EchoFactory.NOT_ALONE);
        assertEquals(0, driver.status() & FEATURES_OK);
        driver.negotiate(EchoFactory.NOT_ALONE | EchoFactory.DEVICE_FEATURE);
        assertEquals(FEATURES_OK, driver.status() & FEATURES_OK);
    }

    @Test
    void s3_1_1_featuresAreFixedOnceAccepted() {
        driver.negotiate(0);
        long errors = rig.guestErrors();
        driver.write(DRIVER_FEATURE_SELECT, 4, 0);
        driver.write(DRIVER_FEATURE, 4, 1L << 28);
        assertEquals(errors + 1, rig.guestErrors());
        assertEquals(0, driver.read(DRIVER_FEATURE, 4));
    }

    // ---- §2.1, device status

    @Test
    void s2_1_statusStartsAtZeroAndIsTheDriversBits() {
        assertEquals(0, driver.status());
        driver.write(DEVICE_STATUS, 1, ACKNOWLEDGE);
        assertEquals(ACKNOWLEDGE, driver.status());
        driver.write(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER);
        driver.write(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER | FAILED);
        assertEquals(ACKNOWLEDGE | DRIVER | FAILED, driver.status());
    }

    @Test
    void s2_1_1_aBitCannotBeTakenBack() {
        driver.write(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER);
        driver.write(DEVICE_STATUS, 1, ACKNOWLEDGE);
        assertEquals(ACKNOWLEDGE | DRIVER, driver.status());
        assertEquals(VirtioError.STATUS.code(), rig.lastGuestErrorCode());
    }

    @Test
    void s3_1_1_driverOkNeedsFeaturesOk() {
        driver.write(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER | DRIVER_OK);
        assertEquals(ACKNOWLEDGE | DRIVER, driver.status());
        assertEquals(0, factory.latest().activations);
    }

    @Test
    void s2_1_2_onlyTheDeviceSetsNeedsReset() {
        driver.write(DEVICE_STATUS, 1, ACKNOWLEDGE | NEEDS_RESET);
        assertEquals(ACKNOWLEDGE, driver.status());
    }

    @Test
    void s2_1_2_needsResetIsToldAndStopsTheQueues() {
        driver.setUp(0);
        driver.takeInterrupts(0);
        RigQueue queue = driver.queue(EchoFactory.ECHO);
        queue.hostile(0, 0, 1, 0, 0);
        queue.hostileAvailable(0xFFFF);
        queue.kickAnyway();
        assertEquals(NEEDS_RESET, driver.status() & NEEDS_RESET);
        assertEquals(1, driver.takeInterrupts(0));
        assertEquals(1, rig.needsResets());
        driver.queue(EchoFactory.GROUP).offer(new byte[] {1}, 1);
        driver.queue(EchoFactory.GROUP).kickAnyway();
        rig.settle();
        assertNull(driver.queue(EchoFactory.GROUP).reap());
        driver.setUp(0);
        assertArrayEquals(new byte[] {7}, driver.request(EchoFactory.ECHO, new byte[] {7}, 1));
    }

    @Test
    void s3_1_1_nothingIsTakenBeforeDriverOk() {
        driver.setUp(0);
        RigQueue old = driver.queue(EchoFactory.ECHO);
        old.offer(new byte[] {1}, 1);
        // The same rings once more, without DRIVER_OK.
        driver.write(DEVICE_STATUS, 1, 0);
        driver.write(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER);
        driver.driverFeatures(VirtioFeature.VERSION_1);
        driver.write(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK);
        select(0);
        driver.write(QUEUE_SIZE, 2, old.size());
        driver.writeWide(QUEUE_DESC, old.table());
        driver.writeWide(QUEUE_DRIVER, old.driverArea());
        driver.writeWide(QUEUE_DEVICE, old.deviceArea());
        driver.write(QUEUE_ENABLE, 2, 1);
        old.kickAnyway();
        rig.settle();
        assertNull(old.reap());
        driver.write(DEVICE_STATUS, 1, ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK);
        rig.settle();
        assertNotNull(old.reap());
    }

    // ---- §2.4, reset

    @Test
    void s2_4_resetPutsEverythingBack() {
        driver.setUp(VirtioFeature.USUAL);
        int generation = (int) driver.read(CONFIG_GENERATION, 1);
        driver.write(DEVICE_STATUS, 1, 0);
        assertEquals(0, driver.status());
        assertEquals(NO_VECTOR, driver.read(CONFIG_MSIX_VECTOR, 2));
        assertEquals(generation, driver.read(CONFIG_GENERATION, 1));
        select(1);
        assertEquals(256, driver.read(QUEUE_SIZE, 2));
        assertEquals(0, driver.read(QUEUE_ENABLE, 2));
        assertEquals(0, driver.read(QUEUE_DESC, 4));
        assertEquals(NO_VECTOR, driver.read(QUEUE_MSIX_VECTOR, 2));
        driver.write(DRIVER_FEATURE_SELECT, 4, 1);
        assertEquals(0, driver.read(DRIVER_FEATURE, 4));
    }

    @Test
    void s2_4_1_statusReadsZeroOnlyWhenTheResetIsComplete() {
        driver.setUp(0);
        int before = driver.status();
        factory.latest().quiet = false;
        driver.write(DEVICE_STATUS, 1, 0);
        assertEquals(before, driver.status());
        driver.write(DEVICE_STATUS, 1, ACKNOWLEDGE); // a driver that does not wait
        assertEquals(before, driver.status());
        factory.latest().quiet = true;
        assertEquals(0, driver.status());
        driver.write(DEVICE_STATUS, 1, ACKNOWLEDGE);
        assertEquals(ACKNOWLEDGE, driver.status());
    }

    @Test
    void s2_4_aSuccessorHasNothingUnderWay() {
        driver.setUp(0);
        factory.latest().quiet = false;
        driver.write(DEVICE_STATUS, 1, 0);
        rig.killAndAdopt();
        assertEquals(0, driver.status());
    }

    @Test
    void theResetLineIsAReset() {
        driver.setUp(0);
        rig.reset();
        assertEquals(0, driver.status());
    }

    // ---- §2.6.1, queue reset

    @Test
    void s2_6_1_aQueueIsResetAlone() {
        driver.setUp(VirtioFeature.USUAL);
        RigQueue later = driver.queue(EchoFactory.LATER);
        later.offer(new byte[] {1}, 1);
        later.kick();
        assertArrayEquals(new byte[] {1}, driver.request(EchoFactory.ECHO, new byte[] {1}, 1));
        RigQueue fresh = driver.resetQueue(EchoFactory.LATER);
        assertNull(later.reap());
        assertArrayEquals(new byte[] {2}, driver.request(EchoFactory.ECHO, new byte[] {2}, 1));
        fresh.offer(new byte[] {3}, 1);
        fresh.kick();
        driver.write(DEVICE_CONFIG + EchoFactory.RELEASE, 4, 1);
        assertArrayEquals(new byte[] {3}, fresh.reaped().written());
        assertEquals(0, rig.guestErrors());
    }

    @Test
    void s2_6_1_queueResetReadsOneUntilItIsComplete() {
        driver.setUp(VirtioFeature.USUAL);
        factory.latest().quiet = false;
        select(1);
        driver.write(QUEUE_RESET, 2, 1);
        assertEquals(1, driver.read(QUEUE_RESET, 2));
        assertEquals(0, driver.read(QUEUE_ENABLE, 2));
        driver.write(QUEUE_ENABLE, 2, 1);
        assertEquals(0, driver.read(QUEUE_ENABLE, 2));
        factory.latest().quiet = true;
        assertEquals(0, driver.read(QUEUE_RESET, 2));
    }

    @Test
    void s2_6_1_withoutTheFeatureThereIsNoQueueReset() {
        driver.setUp(0);
        select(0);
        driver.write(QUEUE_RESET, 2, 1);
        assertEquals(1, driver.read(QUEUE_ENABLE, 2));
        assertEquals(1, rig.guestErrors());
    }

    // ---- §4.1.3, §4.1.4.3, common configuration

    @Test
    void s4_1_4_3_numbersOfQueues() {
        assertEquals(3, driver.read(NUM_QUEUES, 2));
        for (int queue = 0; queue < 3; queue++) {
            select(queue);
            assertEquals(queue, driver.read(QUEUE_SELECT, 2));
            assertEquals(queue, driver.read(QUEUE_NOTIFY_OFF, 2));
            assertEquals(queue, driver.read(QUEUE_NOTIFY_DATA, 2));
            assertEquals(256, driver.read(QUEUE_SIZE, 2));
        }
        for (int queue : new int[] {3, 64, 0xFFFF}) {
            select(queue);
            assertEquals(0, driver.read(QUEUE_SIZE, 2), "queue " + queue);
            driver.write(QUEUE_SIZE, 2, 8);
            driver.write(QUEUE_ENABLE, 2, 1);
            assertEquals(0, driver.read(QUEUE_ENABLE, 2));
        }
    }

    @Test
    void s4_1_3_1_accessesOfAnotherWidthAreNothing() {
        driver.write(DEVICE_STATUS, 2, ACKNOWLEDGE);
        driver.write(DEVICE_STATUS, 4, ACKNOWLEDGE);
        assertEquals(0, driver.status());
        assertEquals(0, driver.read(NUM_QUEUES, 4));
        assertEquals(0, driver.read(CONFIG_MSIX_VECTOR, 1));
        assertEquals(0, driver.read(QUEUE_SIZE + 1, 1));
        assertEquals(0, driver.read(0x40, 4));
        assertEquals(0, driver.read(0xFFC, 4));
        assertEquals(7, rig.guestErrors());
        assertEquals(VirtioError.ACCESS_WIDTH.code(), rig.lastGuestErrorCode());
    }

    @Test
    void s4_1_3_1_wideRegistersAreTwoHalves() {
        select(2);
        driver.writeWide(QUEUE_DESC, 0x1122_3344_5566_7788L);
        assertEquals(0x5566_7788L, driver.read(QUEUE_DESC, 4));
        assertEquals(0x1122_3344L, driver.read(QUEUE_DESC + 4, 4));
        assertEquals(0x1122_3344_5566_7788L, driver.read(QUEUE_DESC, 8));
        driver.write(QUEUE_DRIVER, 8, 0x8877_6655_4433_2211L);
        assertEquals(0x8877_6655L, driver.read(QUEUE_DRIVER + 4, 4));
    }

    @Test
    void s4_1_4_3_2_anEnabledQueueIsFixed() {
        driver.setUp(0);
        select(0);
        long before = driver.read(QUEUE_DESC, 8);
        driver.write(QUEUE_DESC, 8, 0);
        driver.write(QUEUE_SIZE, 2, 2);
        driver.write(QUEUE_ENABLE, 2, 0);
        assertEquals(3, rig.guestErrors());
        assertEquals(before, driver.read(QUEUE_DESC, 8));
        assertEquals(256, driver.read(QUEUE_SIZE, 2));
        assertEquals(1, driver.read(QUEUE_ENABLE, 2));
    }

    @Test
    void s2_7_sizesOfASplitQueueArePowersOfTwo() {
        driver.negotiate(0);
        select(0);
        for (int size : new int[] {0, 3, 257, 512, 0x8000}) {
            driver.write(QUEUE_SIZE, 2, size);
            assertEquals(256, driver.read(QUEUE_SIZE, 2), "size " + size);
        }
        driver.write(QUEUE_SIZE, 2, 1);
        assertEquals(1, driver.read(QUEUE_SIZE, 2));
    }

    @Test
    void s2_8_sizesOfAPackedQueueNeedNotBe() {
        driver.negotiate(VirtioFeature.RING_PACKED);
        select(0);
        driver.write(QUEUE_SIZE, 2, 37);
        assertEquals(37, driver.read(QUEUE_SIZE, 2));
    }

    @Test
    void s2_7_ringsOutsideMemoryOrMisalignedAskForAReset() {
        long end = rig.memory().lengthBytes();
        long[][] bad = {
            {8, 0x1000, 0x2000}, {0, 0x1001, 0x2000}, {0, 0x1000, 0x2002}, {end - 16, 0x1000, 0x2000},
            {0, end, 0x2000}, {0, 0x1000, end - 64}, {-16, 0x1000, 0x2000}, {0, -2, 0x2000}
        };
        for (long[] rings : bad) {
            driver.negotiate(0);
            select(0);
            driver.writeWide(QUEUE_DESC, rings[0]);
            driver.writeWide(QUEUE_DRIVER, rings[1]);
            driver.writeWide(QUEUE_DEVICE, rings[2]);
            driver.write(QUEUE_ENABLE, 2, 1);
            assertEquals(VirtioError.RING_ADDRESS.code(), rig.lastGuestErrorCode());
            assertEquals(NEEDS_RESET, driver.status() & NEEDS_RESET);
        }
    }

    @Test
    void kicksOfQueuesThatAreNotEnabledAreCounted() {
        rig.kick(0, 0);
        rig.kick(0, 200);
        rig.kick(9, 0);
        assertEquals(2, rig.guestErrors());
        driver.setUp(0);
        RigQueue queue = driver.queue(0);
        queue.offer(new byte[] {1}, 1);
        driver.write(0x3000, 2, 0); // through the window of the pci-cfg capability
        assertNotNull(queue.reap());
    }

    // ---- §4.1.4.4 to §4.1.4.6, §4.1.5

    @Test
    void s4_1_4_5_isrIsClearedByReadingAndLowersIntx() {
        driver.withIntx().setUp(0);
        driver.request(EchoFactory.ECHO, new byte[] {1}, 1);
        assertTrue(driver.intx());
        assertEquals(1, driver.read(ISR, 1));
        assertFalse(driver.intx());
        assertEquals(0, driver.read(ISR, 1));
        factory.latest().host().configChanged();
        rig.settle();
        driver.status();
        assertTrue(driver.intx());
        assertEquals(2, driver.read(ISR, 1));
    }

    @Test
    void anInterruptThatTheGuestEndedWithoutReadingIsrComesAgain() {
        driver.withIntx().setUp(0);
        driver.request(EchoFactory.ECHO, new byte[] {1}, 1);
        rig.resample(driver.intxLine());
        assertTrue(driver.intx());
        driver.read(ISR, 1);
        rig.resample(driver.intxLine());
        assertFalse(driver.intx());
    }

    @Test
    void s4_1_5_1_2_vectorsThatDoNotExistReadBackAsNone() {
        driver.write(CONFIG_MSIX_VECTOR, 2, 4);
        assertEquals(NO_VECTOR, driver.read(CONFIG_MSIX_VECTOR, 2));
        driver.write(CONFIG_MSIX_VECTOR, 2, 3);
        assertEquals(3, driver.read(CONFIG_MSIX_VECTOR, 2));
        select(0);
        driver.write(QUEUE_MSIX_VECTOR, 2, 99);
        assertEquals(NO_VECTOR, driver.read(QUEUE_MSIX_VECTOR, 2));
    }

    @Test
    void s4_1_5_1_2_interruptsGoToTheVectorTheDriverChose() {
        driver.setUp(0);
        select(EchoFactory.ECHO);
        driver.write(QUEUE_MSIX_VECTOR, 2, 3);
        driver.request(EchoFactory.ECHO, new byte[] {1}, 1);
        assertEquals(0, driver.takeInterrupts(1));
        assertEquals(1, driver.takeInterrupts(3));
        assertFalse(driver.intx());
    }

    @Test
    void s2_5_aChangedConfigurationHasAnotherGeneration() {
        driver.setUp(0);
        driver.takeInterrupts(0);
        int before = (int) driver.read(CONFIG_GENERATION, 1);
        factory.latest().host().configChanged();
        assertEquals(before + 1, driver.read(CONFIG_GENERATION, 1));
        assertEquals(1, driver.takeInterrupts(0));
        assertEquals(1, rig.configChanges());
    }

    @Test
    void s4_1_4_6_deviceConfigurationEndsWhereItEnds() {
        driver.setUp(0);
        driver.request(EchoFactory.ECHO, new byte[] {1}, 1);
        assertEquals(1, driver.config(0, 8));
        assertEquals(1, driver.config(0, 1));
        assertEquals(0, driver.config(8, 4));
        assertEquals(0, rig.guestErrors());
        assertEquals(0, driver.config(12, 1));
        assertEquals(0, driver.config(8, 8));
        driver.write(DEVICE_CONFIG + 12, 4, 1);
        assertEquals(3, rig.guestErrors());
    }

    // ---- §4.1.4, what the board is told

    @Test
    void s4_1_4_theCapabilitiesAreVirtios() {
        VirtioProcess process = new VirtioProcess(factory);
        PciDeclaration declared = process.pciFunctions(key -> Optional.empty()).getFirst();
        assertEquals(0x1AF4, declared.function().vendorId());
        assertEquals(0x1040 + 42, declared.function().deviceId());
        assertEquals(1, declared.function().revision());
        assertEquals(4, declared.function().vectors());
        int[] types = new int[6];
        for (byte[] bytes : declared.capabilities()) {
            ByteBuffer capability = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            assertEquals(9, capability.get(0));
            assertEquals(bytes.length, capability.get(2));
            int type = capability.get(3);
            types[type]++;
            assertEquals(0, capability.get(4), "BAR");
            assertEquals(0, capability.getInt(8) & 3, "alignment of type " + type);
            if (type == 1) {
                assertTrue(capability.getInt(12) >= 56 + 4, "struct virtio_pci_common_cfg of 1.2");
            } else if (type == 2) {
                assertEquals(20, bytes.length);
                assertEquals(4, capability.getInt(16));
                assertEquals(12, capability.getInt(12));
            } else if (type == 4) {
                assertEquals(EchoFactory.CONFIG_BYTES, capability.getInt(12));
            } else if (type == 5) {
                assertEquals(20, bytes.length);
            }
        }
        assertArrayEquals(new int[] {0, 1, 1, 1, 1, 1}, types);
    }

    @Test
    void severalFunctionsDoNotTouchEachOther() {
        try (VirtioRig two = new VirtioRig(factory, Map.of("functions", "2"))) {
            RigDriver first = two.driver(0).setUp(0);
            RigDriver second = two.driver(1).withQueueSize(16).setUp(VirtioFeature.RING_PACKED);
            assertArrayEquals(new byte[] {1}, first.request(0, new byte[] {1}, 1));
            assertArrayEquals(new byte[] {2}, second.request(0, new byte[] {2}, 1));
            assertEquals(1, first.takeInterrupts(1));
            assertEquals(1, second.takeInterrupts(1));
            first.reset();
            two.killAndAdopt();
            assertArrayEquals(new byte[] {3}, second.request(0, new byte[] {3}, 1));
            assertEquals(0, first.status());
        }
    }
}
