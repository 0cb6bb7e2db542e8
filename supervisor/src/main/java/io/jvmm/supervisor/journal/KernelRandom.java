package io.jvmm.supervisor.journal;

import io.jvmm.ipc.sys.Entropy;
import java.io.Serial;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.security.Provider;
import java.security.ProviderException;
import java.security.SecureRandomSpi;
import java.security.Security;

/**
 * Java's secure random numbers from getrandom(2). A jail has no /dev/random, and without one Java makes its seed of the timing of threads, which
 * takes some seconds of processor time; Chronicle Queue asks for one such number with each queue.
 */
final class KernelRandom extends Provider {
    @Serial
    private static final long serialVersionUID = 1;

    private KernelRandom() {
        super("jvmm", "1", "random numbers of the kernel");
        put("SecureRandom.getrandom", Spi.class.getName());
        put("SecureRandom.getrandom ThreadSafe", "true");
    }

    /** From now on whoever does not ask for something else gets these. */
    static void install() {
        Security.insertProviderAt(new KernelRandom(), 1);
    }

    /** One of them; Java makes it by its name. */
    public static final class Spi extends SecureRandomSpi {
        @Serial
        private static final long serialVersionUID = 1;

        @Override
        protected void engineSetSeed(byte[] seed) {
            // The kernel needs none.
        }

        @Override
        protected void engineNextBytes(byte[] bytes) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment filled = arena.allocate(Math.max(1, bytes.length));
                for (long done = 0; done < bytes.length; ) {
                    long count = Entropy.tryFill(filled, done, bytes.length - done);
                    if (count <= 0) {
                        throw new ProviderException("the kernel has no random numbers: " + -count);
                    }
                    done += count;
                }
                MemorySegment.copy(filled, ValueLayout.JAVA_BYTE, 0, bytes, 0, bytes.length);
            }
        }

        @Override
        protected byte[] engineGenerateSeed(int count) {
            byte[] seed = new byte[count];
            engineNextBytes(seed);
            return seed;
        }
    }
}
