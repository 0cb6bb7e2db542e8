package io.jvmm.vcpu.board;

/**
 * A range of ports or of guest-physical addresses: {@code pio:3f8:8}, {@code mmio:fed00000:1000}; both numbers hexadecimal.
 *
 * @param start first port or address
 * @param lengthBytes at least 1; does not reach past the space's end
 */
public record WindowSpec(Space space, long start, long lengthBytes) {
    /** The two address spaces of a PC. */
    public enum Space {
        PIO(1L << 16),
        MMIO(1L << 52);

        private final long size;

        Space(long size) {
            this.size = size;
        }
    }

    public WindowSpec {
        if (start < 0 || lengthBytes < 1 || lengthBytes > Integer.MAX_VALUE || start > space.size - lengthBytes) {
            throw new IllegalArgumentException(
                    "window " + space + " " + Long.toHexString(start) + " length " + Long.toHexString(lengthBytes));
        }
    }

    /**
     * Reads the notation of the boot record.
     *
     * @throws IllegalArgumentException naming the text
     */
    public static WindowSpec parse(String text) {
        final String[] parts = text.split(":", -1);
        if (parts.length != 3) {
            throw new IllegalArgumentException("not a window: " + text);
        }
        final Space space = switch (parts[0]) {
            case "pio" -> Space.PIO;
            case "mmio" -> Space.MMIO;
            default -> throw new IllegalArgumentException("not a window: " + text);
        };
        try {
            return new WindowSpec(space, Long.parseLong(parts[1], 16), Long.parseLong(parts[2], 16));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("not a window: " + text, e);
        }
    }

    public long end() {
        return start + lengthBytes;
    }

    @Override
    public String toString() {
        return (space == Space.PIO ? "pio:" : "mmio:") + Long.toHexString(start) + ":" + Long.toHexString(lengthBytes);
    }
}
