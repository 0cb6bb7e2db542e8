package io.jvmm.vcpu.main;

import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.jvmm.vcpu.boot.BootException;
import org.junit.jupiter.api.Test;

final class GuestLoadTest {
    @Test
    void whatLoadingThrowsComesToWhoAwaitsIt() {
        final BootException bad = new BootException.Malformed("kernel", "magic", "0", "is none", "give another");
        assertSame(bad, assertThrows(BootException.class, () -> failing(bad).await()));
        final IllegalArgumentException wrong = new IllegalArgumentException("boot record");
        assertSame(
                wrong,
                assertThrows(
                        IllegalArgumentException.class, () -> failing(wrong).await()));
    }

    @Test
    void runningOutOfMemoryIsNotHidden() {
        final GuestLoad load = GuestLoad.start(() -> {
            throw new OutOfMemoryError("a dictionary");
        });
        assertThrows(OutOfMemoryError.class, load::await);
    }

    private static GuestLoad failing(Exception e) {
        return GuestLoad.start(() -> {
            throw e;
        });
    }
}
