package io.jvmm.ipc.counters;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import org.agrona.concurrent.AtomicBuffer;

/** The first bytes of a counters page: the supervisor writes them, a process checks once that page and program belong together. */
final class PageHeader {
    private PageHeader() {}

    static void write(AtomicBuffer page, int kind, int vcpus, int devices) {
        page.putInt(CountersLayout.HEADER_VERSION, CountersLayout.VERSION);
        page.putInt(CountersLayout.HEADER_KIND, kind);
        page.putInt(CountersLayout.HEADER_VCPUS, vcpus);
        page.putInt(CountersLayout.HEADER_DEVICES, devices);
        page.putLongRelease(CountersLayout.HEADER_MAGIC, CountersLayout.MAGIC);
    }

    /** A page of that size that cannot shrink; {@link IllegalArgumentException} when it is not. */
    static Mapping map(Fd fd, int lengthBytes) {
        MemFd memFd = MemFd.of(fd);
        require(memFd.hasSeals(MemFd.SEALS_FIXED_SIZE), "seals", memFd.seals());
        require(memFd.lengthBytes() == lengthBytes, "bytes", memFd.lengthBytes());
        return memFd.map();
    }

    static void check(AtomicBuffer page, int kind, int vcpus, int devices) {
        require(
                page.getLong(CountersLayout.HEADER_MAGIC) == CountersLayout.MAGIC,
                "magic",
                page.getLong(CountersLayout.HEADER_MAGIC));
        checkField(page, CountersLayout.HEADER_VERSION, CountersLayout.VERSION, "version");
        checkField(page, CountersLayout.HEADER_KIND, kind, "kind");
        checkField(page, CountersLayout.HEADER_VCPUS, vcpus, "vcpus");
        checkField(page, CountersLayout.HEADER_DEVICES, devices, "devices");
    }

    private static void checkField(AtomicBuffer page, int at, int wanted, String what) {
        require(page.getInt(at) == wanted, what, page.getInt(at));
    }

    private static void require(boolean condition, String what, long found) {
        if (!condition) {
            throw new IllegalArgumentException("counters page: " + what + " " + found + " is not what was expected");
        }
    }
}
