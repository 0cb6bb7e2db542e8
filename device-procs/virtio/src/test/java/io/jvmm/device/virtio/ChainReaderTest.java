package io.jvmm.device.virtio;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.MemFd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** virtio 1.2 §2.7.5.1: a chain has at most 2^32 bytes; exactly so many are allowed, and no sum of ours is narrower. */
class ChainReaderTest {
    private static final int PIECE = 64 << 20;
    private static final int PIECES = 64;

    private static GuestMemory memory() {
        return GuestMemory.map(MemFd.createSealed("chain-reader-test", PIECE).fd(), PIECE);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void fourGibibytesAreTakenAndNoMore(boolean writable) {
        GuestMemory memory = memory();
        Chain chain = new Chain(memory, PIECES + 1);
        ChainReader reader = new ChainReader(memory);
        for (int round = 0; round < 2; round++) {
            chain.clear();
            reader.begin();
            for (int i = 0; i < PIECES; i++) {
                assertNull(reader.append(chain, 0, PIECE, writable));
            }
            assertEquals(1L << 32, writable ? chain.writableBytes() : chain.readableBytes());
            assertEquals(PIECES, chain.count());
            assertEquals(VirtioError.LENGTH, reader.append(chain, 0, 1, writable), "one byte more");
        }
    }

    /** Lengths that would wrap a sum of 32 bits. */
    @Test
    void lengthsThatWrapAreTooLong() {
        GuestMemory memory = memory();
        Chain chain = new Chain(memory, 4);
        ChainReader reader = new ChainReader(memory);
        for (long length : new long[] {1L << 31, 0xFFFF_FFFFL}) {
            reader.begin();
            assertNull(reader.append(chain, 0, 2, false));
            assertEquals(VirtioError.LENGTH, reader.append(chain, 0, length, false));
            chain.clear();
        }
    }
}
