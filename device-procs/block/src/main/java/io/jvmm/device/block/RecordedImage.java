package io.jvmm.device.block;

import io.jvmm.device.block.image.BlockImage;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.IoVector;
import io.jvmm.ipc.trace.Tape;
import org.jspecify.annotations.Nullable;

/**
 * An image as a disk on a tape sees it. What the device thread asks it goes through the tape, and in a replay there is no image; what workers do with
 * it comes to the disk as a result ({@link BlockCall#FINISH}), in the order in which the device thread takes them, so their threads and lanes show
 * nowhere.
 */
final class RecordedImage implements BlockImage {
    private final Tape tape;
    private final @Nullable BlockImage image;

    /** @param image null in a replay */
    RecordedImage(Tape tape, @Nullable BlockImage image) {
        this.tape = tape;
        this.image = image;
    }

    private BlockImage real() {
        BlockImage there = image;
        if (there == null) {
            throw new IllegalStateException("nobody works in a replay");
        }
        return there;
    }

    @Override
    public long lengthBytes() {
        return tape.answer(BlockCall.LENGTH.code(), image == null ? 0 : image.lengthBytes());
    }

    @Override
    public int blockBytes() {
        return (int) tape.answer(BlockCall.BLOCK.code(), image == null ? 0 : image.blockBytes());
    }

    @Override
    public int physicalBlockBytes() {
        return (int) tape.answer(BlockCall.PHYSICAL_BLOCK.code(), image == null ? 0 : image.physicalBlockBytes());
    }

    @Override
    public int discardBytes() {
        return (int) tape.answer(BlockCall.DISCARD.code(), image == null ? 0 : image.discardBytes());
    }

    @Override
    public boolean readOnly() {
        return real().readOnly();
    }

    @Override
    public long read(int lane, long position, IoVector into, int flags) {
        if (lane != 0) {
            return real().read(lane, position, into, flags);
        }
        tape.output(BlockCall.READ.code(), position, into.lengthBytes(), flags);
        return tape.answer(
                BlockCall.READ.code(), image == null ? -Errno.EAGAIN.number() : image.read(0, position, into, flags));
    }

    @Override
    public long write(int lane, long position, IoVector from, int flags) {
        if (lane != 0) {
            return real().write(lane, position, from, flags);
        }
        tape.output(BlockCall.WRITE.code(), position, from.lengthBytes(), flags);
        return tape.answer(
                BlockCall.WRITE.code(), image == null ? -Errno.EAGAIN.number() : image.write(0, position, from, flags));
    }

    @Override
    public long flush(int lane) {
        return real().flush(lane);
    }

    @Override
    public long discard(int lane, long position, long lengthBytes, int flags) {
        return real().discard(lane, position, lengthBytes, flags);
    }

    @Override
    public long writeZeroes(int lane, long position, long lengthBytes, int flags) {
        return real().writeZeroes(lane, position, lengthBytes, flags);
    }

    /** Asked by the disk; images and workers ask the real one. */
    @Override
    public boolean hasLostWrites() {
        boolean lost = image != null && image.hasLostWrites();
        return tape.answer(BlockCall.LOST_WRITES.code(), lost ? 1 : 0) != 0;
    }

    @Override
    public long finish(int lane) {
        return real().finish(lane);
    }

    @Override
    public void close() {
        if (image != null) {
            image.close();
        }
    }
}
