package io.jvmm.ipc.link;

import io.jvmm.ipc.sys.Fd;

/** STUB: bodies follow. */
public final class LinkMemory implements AutoCloseable {
    private LinkMemory() {}

    public static LinkMemory create(String name, LinkSpec spec) {
        throw new UnsupportedOperationException();
    }

    public static LinkMemory create(LinkSpec spec) {
        throw new UnsupportedOperationException();
    }

    /** @throws LinkFormatException when the memfd is not a link of this kind that we understand */
    public static LinkMemory attach(Fd memfd, LinkKind expected) {
        throw new UnsupportedOperationException();
    }

    public Fd fd() {
        throw new UnsupportedOperationException();
    }

    public LinkSpec spec() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {}
}
