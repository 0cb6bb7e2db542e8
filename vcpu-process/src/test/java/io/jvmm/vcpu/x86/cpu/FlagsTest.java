package io.jvmm.vcpu.x86.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.TestSeed;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** All flags at once are the flags one by one, whatever left them behind. */
final class FlagsTest {
    private static final long[] CORNERS = {0, 1, -1, 0x7f, 0x80, 0xff, 0x8000, 0x7fff_ffff, 0x8000_0000L, 1L << 63};

    @Test
    void togetherAsOneByOne() {
        final long seed = TestSeed.next();
        final Random random = new Random(seed);
        for (int i = 0; i < 200_000; i++) {
            final int kind = random.nextInt(Flags.MUL + 4);
            final long result = value(random);
            final long source = value(random);
            final int each = (Flags.carry(kind, result, source) ? Flags.CF : 0)
                    | (Flags.parity(kind, result, source) ? Flags.PF : 0)
                    | (Flags.adjust(kind, result, source) ? Flags.AF : 0)
                    | (Flags.zero(kind, result, source) ? Flags.ZF : 0)
                    | (Flags.sign(kind, result, source) ? Flags.SF : 0)
                    | (Flags.overflow(kind, result, source) ? Flags.OF : 0);
            assertEquals(each, Flags.status(kind, result, source), "kind " + kind);
        }
    }

    private static long value(Random random) {
        return random.nextBoolean() ? random.nextLong() : CORNERS[random.nextInt(CORNERS.length)];
    }
}
