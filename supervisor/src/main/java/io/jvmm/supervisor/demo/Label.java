package io.jvmm.supervisor.demo;

/** A place in the program, named for the listing; bound once, used before or after. */
final class Label {
    private static final int UNBOUND = -1;

    private final String name;
    private int offset = UNBOUND;

    Label(String name) {
        this.name = name;
    }

    void bind(int newOffset) {
        if (offset != UNBOUND) {
            throw new IllegalStateException("label bound twice: " + name);
        }
        offset = newOffset;
    }

    /** Byte offset from the start of the program. */
    int offset() {
        if (offset == UNBOUND) {
            throw new IllegalStateException("label never bound: " + name);
        }
        return offset;
    }

    @Override
    public String toString() {
        return name;
    }
}
