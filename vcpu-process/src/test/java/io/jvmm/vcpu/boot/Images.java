package io.jvmm.vcpu.boot;

import io.airlift.compress.Compressor;
import io.airlift.compress.lz4.Lz4Compressor;
import io.airlift.compress.zstd.ZstdCompressor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.tukaani.xz.FilterOptions;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.X86Options;
import org.tukaani.xz.XZ;
import org.tukaani.xz.XZOutputStream;

/** Kernel images built byte by byte from the specifications. */
final class Images {
    private Images() {}

    static Image image(String name, byte[] bytes) {
        return Image.of(name, MemorySegment.ofArray(bytes));
    }

    static ByteBuffer le(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** An ELF executable. */
    static final class Elf {
        private static final class Load {
            final long physical;
            final long virtual;
            final byte[] data;
            final long memoryBytes;

            Load(long physical, long virtual, byte[] data, long memoryBytes) {
                this.physical = physical;
                this.virtual = virtual;
                this.data = data;
                this.memoryBytes = memoryBytes;
            }
        }

        private final boolean is64;
        private long entry;
        private final List<Load> loads = new ArrayList<>();
        private final ByteArrayOutputStream notes = new ByteArrayOutputStream();

        Elf(boolean is64) {
            this.is64 = is64;
        }

        Elf entry(long address) {
            entry = address;
            return this;
        }

        Elf load(long physical, byte[] data, long memoryBytes) {
            return load(physical, physical, data, memoryBytes);
        }

        Elf load(long physical, long virtual, byte[] data, long memoryBytes) {
            loads.add(new Load(physical, virtual, data, memoryBytes));
            return this;
        }

        Elf note(String owner, int type, byte[] value) {
            final byte[] name = (owner + "\0").getBytes(StandardCharsets.US_ASCII);
            final byte[] note = new byte[12 + ((name.length + 3) & -4) + ((value.length + 3) & -4)];
            le(note).putInt(name.length).putInt(value.length).putInt(type).put(name);
            System.arraycopy(value, 0, note, 12 + ((name.length + 3) & -4), value.length);
            notes.writeBytes(note);
            return this;
        }

        Elf pvh(int address) {
            final byte[] value = new byte[4];
            le(value).putInt(address);
            return note("Xen", 18, value);
        }

        Elf linux() {
            return note("Linux", 0x100, new byte[4]);
        }

        byte[] build() {
            final int headerBytes = is64 ? 64 : 52;
            final int entryBytes = is64 ? 56 : 32;
            final int count = loads.size() + (notes.size() > 0 ? 1 : 0);
            int size = headerBytes + count * entryBytes;
            for (final Load l : loads) {
                size += l.data.length;
            }
            size += notes.size();
            final byte[] all = new byte[size];
            final ByteBuffer b = le(all);
            b.put(new byte[] {0x7F, 'E', 'L', 'F', (byte) (is64 ? 2 : 1), 1, 1});
            b.position(16);
            b.putShort((short) 2).putShort((short) (is64 ? 62 : 3)).putInt(1);
            word(b, entry);
            word(b, headerBytes);
            word(b, 0);
            b.putInt(0)
                    .putShort((short) headerBytes)
                    .putShort((short) entryBytes)
                    .putShort((short) count);
            b.position(headerBytes);
            int offset = headerBytes + count * entryBytes;
            for (final Load l : loads) {
                header(b, 1, offset, l.virtual, l.physical, l.data.length, l.memoryBytes);
                offset += l.data.length;
            }
            if (notes.size() > 0) {
                header(b, 4, offset, 0, 0, notes.size(), notes.size());
            }
            loads.forEach(l -> b.put(l.data));
            b.put(notes.toByteArray());
            return all;
        }

        private void header(ByteBuffer b, int type, long offset, long virtual, long physical, long file, long memory) {
            b.putInt(type);
            if (is64) {
                b.putInt(7)
                        .putLong(offset)
                        .putLong(virtual)
                        .putLong(physical)
                        .putLong(file)
                        .putLong(memory);
                b.putLong(0x1000);
            } else {
                b.putInt((int) offset)
                        .putInt((int) virtual)
                        .putInt((int) physical)
                        .putInt((int) file);
                b.putInt((int) memory).putInt(7).putInt(0x1000);
            }
        }

        private void word(ByteBuffer b, long value) {
            if (is64) {
                b.putLong(value);
            } else {
                b.putInt((int) value);
            }
        }
    }

    /** A Linux-like vmlinux: two segments at 16 MiB and 18 MiB, the second with bss. */
    static byte[] vmlinux(int textBytes) {
        return new Elf(true)
                .entry(0x100_0000)
                .load(0x100_0000, 0xFFFF_FFFF_8100_0000L, pattern(textBytes, 1), textBytes)
                .load(0x120_0000, 0xFFFF_FFFF_8120_0000L, pattern(5000, 2), 70_000)
                .linux()
                .pvh(0x100_0100)
                .build();
    }

    /** Compressible and not periodic, with x86 calls in it so that the BCJ filter has work. */
    static byte[] pattern(int length, int seed) {
        final byte[] b = new byte[length];
        int x = seed * 0x9E37_79B9;
        for (int i = 0; i < length; i++) {
            if ((i & 63) == 0) {
                x = x * 1_664_525 + 1_013_904_223;
            }
            b[i] = (byte) (i % 16 == 0 ? 0xE8 : i % 16 == 4 ? 0 : x >>> (i & 15));
        }
        return b;
    }

    static byte[] packed(PayloadFormat format, byte[] vmlinux) {
        try {
            return switch (format) {
                case GZIP -> gzip(vmlinux);
                case XZ -> withSize(xz(vmlinux), vmlinux.length);
                case LZ4 -> withSize(lz4(vmlinux), vmlinux.length);
                case ZSTD -> withSize(block(new ZstdCompressor(), vmlinux), vmlinux.length);
                case ELF -> vmlinux;
                case BZIP2 -> withSize(new byte[] {'B', 'Z', 'h', '9', 1, 2, 3, 4, 5, 6, 7, 8}, vmlinux.length);
                case LZMA, LZO, UNKNOWN -> throw new IllegalArgumentException();
            };
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static byte[] withSize(byte[] packed, int size) {
        final byte[] result = Arrays.copyOf(packed, packed.length + 4);
        le(result).putInt(packed.length, size);
        return result;
    }

    private static byte[] gzip(byte[] bytes) throws IOException {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream gz = new GZIPOutputStream(out)) {
            gz.write(bytes);
        }
        return out.toByteArray();
    }

    /** As the kernel's xz_wrap.sh does: x86 filter, LZMA2 with a dictionary far larger than the input, CRC32. */
    private static byte[] xz(byte[] bytes) throws IOException {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        final LZMA2Options lzma2 = new LZMA2Options(1);
        lzma2.setDictSize(32 << 20);
        try (XZOutputStream xz =
                new XZOutputStream(out, new FilterOptions[] {new X86Options(), lzma2}, XZ.CHECK_CRC32)) {
            xz.write(bytes);
        }
        return out.toByteArray();
    }

    static byte[] lz4(byte[] bytes) {
        final ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(new byte[] {0x02, 0x21, 0x4C, 0x18});
        for (int at = 0; at < bytes.length; at += 8 << 20) {
            final byte[] packed =
                    block(new Lz4Compressor(), Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + (8 << 20))));
            final byte[] size = new byte[4];
            le(size).putInt(packed.length);
            out.writeBytes(size);
            out.writeBytes(packed);
        }
        return out.toByteArray();
    }

    private static byte[] block(Compressor compressor, byte[] bytes) {
        final byte[] out = new byte[compressor.maxCompressedLength(bytes.length)];
        return Arrays.copyOf(out, compressor.compress(bytes, 0, bytes.length, out, 0, out.length));
    }

    /** A bzImage of protocol 2.15 around a payload: two setup sectors, 0x400 bytes of decompressor before the payload. */
    static byte[] bzImage(byte[] payload) {
        final int setup = 3 * 512;
        final int before = 0x400;
        final int code = (before + payload.length + 15) & -16;
        final byte[] all = new byte[setup + code];
        final ByteBuffer b = le(all);
        b.put(0x1F1, (byte) 2);
        b.putInt(0x1F4, code / 16);
        b.putShort(0x1FE, (short) 0xAA55);
        b.put(0x200, (byte) 0xEB).put(0x201, (byte) 0x6A);
        b.put(0x202, new byte[] {'H', 'd', 'r', 'S'});
        b.putShort(0x206, (short) 0x020F);
        b.putShort(0x20E, (short) 0x100);
        b.put(0x300, "6.1.0-test (builder@host)\0".getBytes(StandardCharsets.US_ASCII));
        b.put(0x211, (byte) 0x01);
        b.putInt(0x22C, 0x7FFF_FFFF);
        b.putInt(0x230, 0x20_0000);
        b.put(0x234, (byte) 1);
        b.putShort(0x236, (short) 0x1);
        b.putInt(0x238, 2047);
        b.putInt(0x248, before);
        b.putInt(0x24C, payload.length);
        b.putLong(0x258, 0x100_0000);
        b.putInt(0x260, 0x80_0000);
        b.put(setup, pattern(before, 3));
        b.put(setup + before, payload);
        return all;
    }
}
