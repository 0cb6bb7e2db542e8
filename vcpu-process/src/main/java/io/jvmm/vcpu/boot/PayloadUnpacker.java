package io.jvmm.vcpu.boot;

import static io.jvmm.vcpu.boot.BootException.hex;

import io.airlift.compress.MalformedInputException;
import io.airlift.compress.lz4.Lz4Decompressor;
import io.airlift.compress.zstd.ZstdDecompressor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.tukaani.xz.MemoryLimitException;
import org.tukaani.xz.SingleXZInputStream;

/**
 * Unpacks the payload of a bzImage. The kernel's build appends the unpacked size as four little-endian bytes (gzip ends
 * with them anyway), so the output has a size before the first byte is unpacked, and not one byte more or less is
 * accepted: there is no decompression bomb.
 *
 * <p>Memory beside the packed bytes: gzip 1 MiB, LZ4 8 MiB, zstd the unpacked size, all off the heap; xz its dictionary, on
 * the heap, which is cut to the unpacked size and must fit into three quarters of the heap that is free.
 */
final class PayloadUnpacker {
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int SIZE_BYTES = 4;
    private static final int CHUNK = 64 << 10;
    private static final int GZIP_CHUNK = 1 << 20;
    private static final int LZ4_BLOCK = 8 << 20;
    private static final int LARGE_DICTIONARY = 4 << 20;

    private final String file;
    private final PayloadFormat format;
    private final MemorySegment packed;

    PayloadUnpacker(String file, PayloadFormat format, MemorySegment packed) {
        this.file = file;
        this.format = format;
        this.packed = packed;
    }

    /** The size that the payload's last four bytes promise. */
    long unpackedBytes(long limit) throws BootException {
        final long size = Integer.toUnsignedLong(packed.get(U32, packed.byteSize() - SIZE_BYTES));
        if (size == 0 || size > limit) {
            throw new BootException.DoesNotFit(
                    file,
                    "unpacked size",
                    hex(size),
                    "the kernel would be empty or larger than " + (limit >> 20) + " MiB, this machine's memory",
                    "give the machine more memory, or fetch the file again if it is corrupt");
        }
        return size;
    }

    /** Takes the unpacked bytes, in order. */
    interface Sink {
        /** The next bytes; {@code chunk} is valid during the call only. */
        void accept(MemorySegment chunk) throws BootException;
    }

    /**
     * Unpacks, and gives exactly {@code size} bytes to {@code sink}, in chunks of which the first has at least {@value
     * #CHUNK} bytes unless there are fewer in all.
     */
    void unpack(long size, Sink sink) throws BootException {
        final long written;
        try {
            written = switch (format) {
                case GZIP -> gzip(size, sink);
                case XZ -> xz(size, sink);
                case LZ4 -> lz4(size, sink);
                case ZSTD -> zstd(size, sink);
                case ELF, BZIP2, LZMA, LZO, UNKNOWN -> throw new IllegalStateException(format.label());
            };
        } catch (MemoryLimitException e) {
            throw new BootException.Unsupported(
                    file,
                    "xz dictionary",
                    e.getMemoryNeeded() + " KiB",
                    "the vCPU process may use " + e.getMemoryLimit() + " KiB of its heap for it",
                    "raise -Xmx in vcpu.launch, or give a vmlinux unpacked with the kernel's scripts/extract-vmlinux");
        } catch (DataFormatException
                | MalformedInputException
                | IOException
                | IndexOutOfBoundsException
                | IllegalArgumentException
                | ArithmeticException
                | NegativeArraySizeException e) {
            throw corrupt(e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage());
        }
        if (written != size) {
            throw corrupt("unpacks to " + written + " bytes, " + size + " were promised");
        }
    }

    /** RFC 1952 around RFC 1951. */
    private long gzip(long size, Sink sink) throws DataFormatException, BootException {
        final int start = gzipHeaderBytes();
        final CRC32 crc = new CRC32();
        final Inflater inflater = new Inflater(true);
        try (Scratch scratch = Scratch.allocate(GZIP_CHUNK)) {
            inflater.setInput(packed.asSlice(start).asByteBuffer());
            long written = 0;
            while (written < size && !inflater.finished()) {
                final MemorySegment chunk = scratch.segment().asSlice(0, Math.min(GZIP_CHUNK, size - written));
                final ByteBuffer out = chunk.asByteBuffer();
                while (out.hasRemaining() && !inflater.finished()) {
                    if (inflater.inflate(out) == 0 && !inflater.finished()) {
                        throw corrupt("the deflate stream ends early");
                    }
                }
                final MemorySegment filled = chunk.asSlice(0, out.position());
                crc.update(filled.asByteBuffer());
                sink.accept(filled);
                written += out.position();
            }
            if (!inflater.finished() && inflater.inflate(ByteBuffer.allocate(1)) != 0) {
                throw corrupt("unpacks to more than was promised");
            }
            if (!inflater.finished() || inflater.getRemaining() < 8) {
                throw corrupt("the deflate stream does not end where it should");
            }
            if ((int) crc.getValue() != packed.get(U32, packed.byteSize() - inflater.getRemaining())) {
                throw corrupt("CRC32 is wrong");
            }
            return written;
        } finally {
            inflater.end();
        }
    }

    private int gzipHeaderBytes() {
        final int flags = packed.get(ValueLayout.JAVA_BYTE, 3);
        int at = 10;
        if ((flags & 4) != 0) {
            at += 2 + (packed.get(ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), at) & 0xFFFF);
        }
        for (int strings = ((flags >> 3) & 1) + ((flags >> 4) & 1); strings > 0; strings--) {
            while (packed.get(ValueLayout.JAVA_BYTE, at++) != 0) {
                // skip the name, then the comment; the segment's bounds end a hostile one
            }
        }
        return at + ((flags & 2) != 0 ? 2 : 0);
    }

    private long xz(long size, Sink sink) throws IOException, BootException {
        XzDictionary.limitTo(packed, size);
        final Runtime vm = Runtime.getRuntime();
        final long free = vm.maxMemory() - (vm.totalMemory() - vm.freeMemory());
        final byte[] chunk = new byte[CHUNK];
        long written = 0;
        try (SingleXZInputStream in =
                new SingleXZInputStream(new SegmentInput(packed), (int) Math.min((free / 4 * 3) >> 10, 1 << 20))) {
            for (int n = in.readNBytes(chunk, 0, CHUNK); n > 0; n = in.readNBytes(chunk, 0, CHUNK)) {
                if (n > size - written) {
                    throw corrupt("unpacks to more than was promised");
                }
                sink.accept(MemorySegment.ofArray(chunk).asSlice(0, n));
                written += n;
            }
        }
        // The one large thing this process ever has on its heap is garbage now; a full collection gives it back to the
        // host.
        if (size > LARGE_DICTIONARY) {
            vm.gc();
        }
        return written;
    }

    /**
     * The legacy frame format (lz4 doc/lz4_Frame_format.md, "Legacy frame"): a magic number, then blocks of 8 MiB unpacked
     * (the last one less), each behind its packed size; no end mark. Here the appended size follows the last block.
     */
    private long lz4(long size, Sink sink) throws BootException {
        final Lz4Decompressor decompressor = new Lz4Decompressor();
        final long end = packed.byteSize() - SIZE_BYTES;
        long at = 4;
        long written = 0;
        try (Scratch scratch = Scratch.allocate(Math.min(LZ4_BLOCK, size))) {
            while (at < end) {
                final long blockBytes = Integer.toUnsignedLong(packed.get(U32, at));
                at += 4;
                if (blockBytes == 0 || blockBytes > end - at) {
                    throw corrupt("block size " + hex(blockBytes) + " at " + hex(at - 4) + " reaches past the payload");
                }
                final MemorySegment block = scratch.segment().asSlice(0, Math.min(LZ4_BLOCK, size - written));
                final ByteBuffer out = block.asByteBuffer();
                decompressor.decompress(packed.asSlice(at, blockBytes).asByteBuffer(), out);
                sink.accept(block.asSlice(0, out.position()));
                written += out.position();
                at += blockBytes;
            }
        }
        return written;
    }

    /** Matches may reach back over all of the output, so all of it is unpacked into one buffer. */
    private long zstd(long size, Sink sink) throws BootException {
        final MemorySegment frame = ZstdWindow.lowered(packed.asSlice(0, packed.byteSize() - SIZE_BYTES));
        try (Scratch scratch = Scratch.allocate(size)) {
            final ByteBuffer out = scratch.segment().asByteBuffer();
            new ZstdDecompressor().decompress(frame.asByteBuffer(), out);
            if (out.position() == size) {
                sink.accept(scratch.segment());
            }
            return out.position();
        }
    }

    private BootException.Malformed corrupt(String why) {
        return new BootException.Malformed(
                file,
                format.label() + " payload",
                packed.byteSize() + " bytes",
                why,
                "the file is truncated or corrupt: fetch it again");
    }

    /** Reads a segment as a stream. */
    private static final class SegmentInput extends InputStream {
        private final MemorySegment bytes;
        private long at;

        SegmentInput(MemorySegment bytes) {
            this.bytes = bytes;
        }

        @Override
        public int read() {
            return at < bytes.byteSize() ? bytes.get(ValueLayout.JAVA_BYTE, at++) & 0xFF : -1;
        }

        @Override
        public int read(byte[] target, int offset, int length) {
            final int n = (int) Math.min(length, bytes.byteSize() - at);
            if (n <= 0) {
                return length == 0 ? 0 : -1;
            }
            MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, at, target, offset, n);
            at += n;
            return n;
        }
    }
}
