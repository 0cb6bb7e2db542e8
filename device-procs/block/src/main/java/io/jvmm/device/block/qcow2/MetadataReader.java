package io.jvmm.device.block.qcow2;

import io.jvmm.device.block.image.ImageException;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Reads tables at opening: whole blocks, so that the file may be open for direct access; zeros where the file ends. */
final class MetadataReader {
    private static final int BLOCK_BYTES = 4096;

    private final String image;
    private final Storage storage;
    private final long fileBytes;
    private final IoVector vector = new IoVector(1);

    MetadataReader(String image, Storage storage) {
        this.image = image;
        this.storage = storage;
        fileBytes = storage.lengthBytes();
    }

    long fileBytes() {
        return fileBytes;
    }

    /** Memory for {@code bytes}, aligned, in whole blocks, all zeros. */
    static MemorySegment memory(Arena arena, long bytes) {
        return arena.allocate(bytes + BLOCK_BYTES - 1 & -BLOCK_BYTES, BLOCK_BYTES);
    }

    /** Fills all of {@code target} from {@code offset} on, a multiple of 512. */
    void read(long offset, MemorySegment target) {
        read(offset, target, target.byteSize());
    }

    void read(long offset, MemorySegment target, long bytes) {
        vector.clear();
        vector.add(target, 0, bytes);
        final long count = storage.read(0, offset, vector, 0);
        if (count < 0) {
            throw new ImageException(image + ": read at 0x" + Long.toHexString(offset) + ": "
                    + Errno.of((int) -count).meaning());
        }
        vector.zero(vector.lengthBytes());
    }
}
