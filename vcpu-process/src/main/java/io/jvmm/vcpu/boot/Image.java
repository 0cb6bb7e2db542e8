package io.jvmm.vcpu.boot;

import java.lang.foreign.MemorySegment;

/**
 * The bytes of a kernel or an initrd, read where needed and never mapped: a file that shrinks under a mapping would kill
 * the process, under a read it is an error message.
 */
public interface Image {
    /** For messages: the file's name as the configuration has it. */
    String name();

    /** Size when it was opened. */
    long sizeBytes();

    /**
     * Fills {@code target} with the bytes from {@code offset} on.
     *
     * @throws BootException.Unreadable if not all of them can be had
     */
    void read(long offset, MemorySegment target) throws BootException;

    /** An image that is in memory already: an unpacked payload, a test. */
    static Image of(String name, MemorySegment bytes) {
        return new Image() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public long sizeBytes() {
                return bytes.byteSize();
            }

            @Override
            public void read(long offset, MemorySegment target) throws BootException {
                if (offset < 0 || offset > bytes.byteSize() || target.byteSize() > bytes.byteSize() - offset) {
                    throw new BootException.Unreadable(
                            name, "offset", BootException.hex(offset), "past the end", "use a complete image");
                }
                MemorySegment.copy(bytes, offset, target, 0, target.byteSize());
            }
        };
    }
}
