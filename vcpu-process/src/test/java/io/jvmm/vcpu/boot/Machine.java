package io.jvmm.vcpu.boot;

import io.jvmm.ipc.sys.Mapping;
import io.jvmm.vcpu.board.E820;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** RAM to load into, with getters; memory that is not touched costs nothing. */
final class Machine {
    private static final ValueLayout.OfInt U32 = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong U64 = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    final E820 map;
    final MemorySegment low;

    Machine(long megabytes) {
        map = E820.of(megabytes << 20);
        low = Mapping.anonymous(Math.min(map.lowRamEnd(), 512L << 20)).segment();
    }

    MemorySegment range(long start, long length) {
        return low.asSlice(start, length);
    }

    BootPlan boot(Image kernel, @Nullable Image initrd, String commandLine) throws BootException {
        return boot(kernel, initrd, commandLine, BootRequest.Protocol.AUTO);
    }

    BootPlan boot(Image kernel, @Nullable Image initrd, String commandLine, BootRequest.Protocol protocol)
            throws BootException {
        return BootLoader.load(new BootRequest(kernel, initrd, commandLine, map, this::range, 0xE0000, protocol));
    }

    int u8(long at) {
        return low.get(ValueLayout.JAVA_BYTE, at) & 0xFF;
    }

    int u16(long at) {
        return u8(at) | (u8(at + 1) << 8);
    }

    int u32(long at) {
        return low.get(U32, at);
    }

    long u64(long at) {
        return low.get(U64, at);
    }

    byte[] bytes(long at, int length) {
        return range(at, length).toArray(ValueLayout.JAVA_BYTE);
    }

    String string(long at) {
        return low.getString(at);
    }
}
