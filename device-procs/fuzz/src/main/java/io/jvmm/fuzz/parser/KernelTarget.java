package io.jvmm.fuzz.parser;

import io.jvmm.fuzz.engine.FuzzTarget;
import io.jvmm.fuzz.machine.FindingException;
import io.jvmm.vcpu.board.E820;
import io.jvmm.vcpu.boot.BootException;
import io.jvmm.vcpu.boot.BootLoader;
import io.jvmm.vcpu.boot.BootRequest;
import io.jvmm.vcpu.boot.GuestRam;
import io.jvmm.vcpu.boot.Image;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.zip.GZIPOutputStream;
import org.tukaani.xz.LZMA2Options;
import org.tukaani.xz.XZ;
import org.tukaani.xz.XZOutputStream;

/** A kernel image: bzImage with its compressed payload, ELF, PVH, boot sector. The last byte of the input says by which protocol. Guest memory is 8 MiB. */
public final class KernelTarget implements FuzzTarget {
    private static final long RAM_BYTES = 8 << 20;
    private static final int KERNEL_AT = 0x10_0000;
    private static final int SETUP_BYTES = 0x400;
    private static final int ELF_BYTES = 0x200;

    private final MemorySegment memory = Arena.ofAuto().allocate(RAM_BYTES, 4096);
    private final E820 map = E820.of(RAM_BYTES);
    private final GuestRam ram = (address, length) -> {
        Objects.checkFromIndexSize(address, length, RAM_BYTES);
        return memory.asSlice(address, length);
    };

    @Override
    public void run(byte[] input) {
        int last = input.length > 0 ? input[input.length - 1] & 0xFF : 0;
        BootRequest.Protocol[] protocols = BootRequest.Protocol.values();
        Image initrd = (last & 4) == 0 ? null : Image.of("initrd", MemorySegment.ofArray(new byte[100]));
        try {
            BootLoader.load(new BootRequest(
                    Image.of("kernel", MemorySegment.ofArray(input)),
                    initrd,
                    "console=ttyS0",
                    map,
                    ram,
                    0xE_0000,
                    protocols[(last & 3) % protocols.length]));
        } catch (BootException e) {
            if (String.valueOf(e.getMessage()).indexOf('\n') >= 0) {
                throw new FindingException("a message is not one line: '" + e.getMessage() + "'", e);
            }
        }
    }

    @Override
    public List<byte[]> seeds() {
        List<byte[]> seeds = new ArrayList<>();
        byte[] elf = elf();
        seeds.add(elf);
        byte[] sector = new byte[512];
        sector[510] = 0x55;
        sector[511] = (byte) 0xAA;
        seeds.add(sector);
        try {
            ByteArrayOutputStream gzip = new ByteArrayOutputStream();
            try (GZIPOutputStream out = new GZIPOutputStream(gzip)) {
                out.write(elf);
            }
            seeds.add(bzImage(gzip.toByteArray(), 0));
            ByteArrayOutputStream xz = new ByteArrayOutputStream();
            try (XZOutputStream out = new XZOutputStream(xz, new LZMA2Options(0), XZ.CHECK_CRC32)) {
                out.write(elf);
            }
            seeds.add(bzImage(xz.toByteArray(), elf.length));
            // The frames of LZ4's legacy format and of zstd with one raw block.
            seeds.add(bzImage(
                    little(12 + elf.length + 3)
                            .putInt(0x184C2102)
                            .putInt(elf.length + 3)
                            .put((byte) 0xF0)
                            .put((byte) 0xFF)
                            .put((byte) (elf.length - 270))
                            .put(elf)
                            .array(),
                    elf.length));
            seeds.add(bzImage(
                    little(9 + elf.length)
                            .putInt(0xFD2F_B528)
                            .put((byte) 0x20)
                            .put((byte) 0xFF)
                            .put((byte) (elf.length << 3 | 1))
                            .putShort((short) (elf.length << 3 >> 8))
                            .put(elf)
                            .array(),
                    elf.length));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return seeds;
    }

    private static ByteBuffer little(int length) {
        return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** ELF64, a segment that is loaded and a PVH note. */
    private static byte[] elf() {
        byte[] all = new byte[ELF_BYTES];
        ByteBuffer b = ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(0, 0x464C457F).put(4, (byte) 2).put(5, (byte) 1).put(6, (byte) 1);
        b.putShort(16, (short) 2)
                .putShort(18, (short) 62)
                .putInt(20, 1)
                .putLong(24, KERNEL_AT)
                .putLong(32, 64);
        b.putShort(52, (short) 64)
                .putShort(54, (short) 56)
                .putShort(56, (short) 2)
                .putShort(58, (short) 64);
        segment(b, 64, 1, 0x100, 0x100);
        segment(b, 120, 4, 0xC0, 20);
        b.putInt(0xC0, 4)
                .putInt(0xC4, 4)
                .putInt(0xC8, 18)
                .putInt(0xCC, 0x006E6558)
                .putInt(0xD0, KERNEL_AT);
        return all;
    }

    private static void segment(ByteBuffer b, int at, int type, long offset, long length) {
        b.putInt(at, type).putInt(at + 4, 5).putLong(at + 8, offset);
        b.putLong(at + 16, KERNEL_AT)
                .putLong(at + 24, KERNEL_AT)
                .putLong(at + 32, length)
                .putLong(at + 40, length);
        b.putLong(at + 48, 0x1000);
    }

    /** A setup sector and the payload right behind it; {@code size} is appended unless it is 0. */
    private static byte[] bzImage(byte[] packed, int size) {
        int payload = packed.length + (size == 0 ? 0 : 4);
        byte[] all = new byte[SETUP_BYTES + payload + 16];
        ByteBuffer b = ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
        b.put(0x1F1, (byte) 1).putShort(0x1FE, (short) 0xAA55).putShort(0x200, (short) 0x66EB);
        b.putInt(0x202, 0x53726448)
                .putShort(0x206, (short) 0x020F)
                .put(0x211, (byte) 1)
                .putInt(0x214, KERNEL_AT);
        b.putInt(0x22C, 0x7FFF_FFFF)
                .putInt(0x230, 0x20_0000)
                .put(0x234, (byte) 1)
                .put(0x235, (byte) 12);
        b.putShort(0x236, (short) 0x3F).putInt(0x238, 2047).putInt(0x248, 0).putInt(0x24C, payload);
        b.putLong(0x258, KERNEL_AT).putInt(0x260, 0x10_0000);
        b.position(SETUP_BYTES).put(packed);
        if (size != 0) {
            b.putInt(size);
        }
        return all;
    }
}
