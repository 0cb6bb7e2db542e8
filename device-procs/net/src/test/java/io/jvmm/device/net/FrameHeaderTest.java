package io.jvmm.device.net;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Virtio 1.2 §5.1.6.2: what a driver may ask for, and that nothing else gets through. */
class FrameHeaderTest {
    private static final long ALL = -1;
    private final FrameHeader header = new FrameHeader();

    private FrameHeader given(byte[] bytes) {
        MemorySegment.copy(bytes, 0, header.bytes(), ValueLayout.JAVA_BYTE, 0, bytes.length);
        return header;
    }

    private byte[] now() {
        return header.bytes().asSlice(0, 12).toArray(ValueLayout.JAVA_BYTE);
    }

    private int check(int flags, int type, int hdrLen, int size, int start, int offset, long features, int bytes) {
        return given(Frames.header(flags, type, hdrLen, size, start, offset)).check(features, bytes);
    }

    @Test
    void section5162AllThatNoFlagSpeaksOfIsIgnored() {
        byte[] bytes = Frames.header(0xFE, 0, 1, 2, 3, 4);
        bytes[10] = 9;
        assertEquals(FrameHeader.FINE, given(bytes).check(0, 60));
        assertArrayEquals(new byte[12], now());
    }

    @Test
    void aChecksumLiesInsideTheFrame() {
        assertEquals(FrameHeader.FINE, check(1, 0, 0, 0, 34, 16, ALL, 52));
        assertEquals(FrameHeader.BAD_CHECKSUM_REQUEST, check(1, 0, 0, 0, 34, 16, ALL, 51));
        assertEquals(FrameHeader.BAD_CHECKSUM_REQUEST, check(1, 0, 0, 0, 65535, 65535, ALL, 60000));
        assertEquals(FrameHeader.BAD_CHECKSUM_REQUEST, check(1, 0, 0, 0, 0, 16, ALL, 60));
        assertEquals(FrameHeader.BAD_CHECKSUM_REQUEST, check(1, 0, 0, 0, 34, 16, ALL & ~NetFeatures.CSUM, 60));
    }

    @Test
    void segmentationIsWhatWasNegotiated() {
        long[] needed = {NetFeatures.HOST_TSO4, NetFeatures.HOST_UFO, NetFeatures.HOST_TSO6, NetFeatures.HOST_USO};
        int[] types = {1, 3, 4, 5};
        for (int i = 0; i < types.length; i++) {
            assertEquals(FrameHeader.FINE, check(1, types[i], 54, 1448, 34, 6, ALL, 9000));
            assertEquals(FrameHeader.BAD_SEGMENTATION, check(1, types[i], 54, 1448, 34, 6, ~needed[i], 9000));
        }
        assertEquals(FrameHeader.BAD_SEGMENTATION, check(1, 2, 54, 1448, 34, 16, ALL, 9000));
        assertEquals(FrameHeader.BAD_SEGMENTATION, check(1, 1, 54, 0, 34, 16, ALL, 9000));
        assertEquals(FrameHeader.BAD_SEGMENTATION, check(0, 1, 54, 1448, 34, 16, ALL, 9000));
    }

    @Test
    void ecnGoesWithTcpOnly() {
        assertEquals(FrameHeader.FINE, check(1, 0x81, 54, 1448, 34, 16, ALL, 9000));
        assertEquals(FrameHeader.BAD_SEGMENTATION, check(1, 0x81, 54, 1448, 34, 16, ~NetFeatures.HOST_ECN, 9000));
        assertEquals(FrameHeader.BAD_SEGMENTATION, check(1, 0x85, 54, 1448, 34, 6, ALL, 9000));
        assertEquals(FrameHeader.BAD_SEGMENTATION, check(1, 0x80, 54, 1448, 34, 6, ALL, 9000));
    }

    @Test
    void section5164WhatTheDriverDidNotAgreeToTake() {
        long all = NetFeatures.GUEST_OFFLOADS;
        assertTrue(given(Frames.header(1, 1, 54, 1448, 34, 16)).fits(all));
        assertFalse(given(Frames.header(1, 1, 54, 1448, 34, 16)).fits(all & ~NetFeatures.GUEST_TSO4));
        assertFalse(given(Frames.header(1, 0x81, 54, 1448, 34, 16)).fits(all & ~NetFeatures.GUEST_ECN));
        assertFalse(given(Frames.header(1, 0, 0, 0, 34, 16)).fits(0));
        assertTrue(given(Frames.header(2, 0, 5, 5, 0, 0)).fits(0));
        assertArrayEquals(new byte[12], now());
    }

    @Test
    void noHeaderAtAllGetsAnythingPast() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        byte[] bytes = new byte[12];
        for (int i = 0; i < 300_000; i++) {
            random.nextBytes(bytes);
            bytes[0] &= (byte) random.nextInt(4);
            bytes[1] = (byte) (random.nextBoolean() ? random.nextInt(6) : bytes[1]);
            int frame = 14 + random.nextInt(random.nextBoolean() ? 100 : 65536);
            if (given(bytes).check(random.nextLong(), frame) == FrameHeader.FINE) {
                assertTrue((header.flags() & ~1) == 0);
                if (header.flags() == 1) {
                    assertTrue(header.csumStart() + header.csumOffset() + 2 <= frame);
                }
                assertTrue(header.gsoType() == 0 || (header.gsoSize() > 0 && header.flags() == 1));
            }
        }
    }
}
