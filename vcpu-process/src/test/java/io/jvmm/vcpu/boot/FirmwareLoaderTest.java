package io.jvmm.vcpu.boot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.vcpu.board.E820;
import io.jvmm.vcpu.engine.BootState;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FirmwareLoaderTest {
    private static final E820 MAP = E820.of(16L << 20);

    private final MemorySegment ram = MemorySegment.ofArray(new byte[2 << 20]);

    private BootPlan load(byte[] image, E820 map) throws BootException {
        return FirmwareLoader.load(
                Image.of("bios.bin", MemorySegment.ofArray(image)), map, (at, length) -> ram.asSlice(at, length));
    }

    private static byte[] image(int bytes) {
        return Images.pattern(bytes, 3);
    }

    /** SDM 3A 10.1.4: the first instruction is at ffff_fff0; a PC has the last 128 KiB below 1 MiB, too. */
    @ParameterizedTest
    @ValueSource(ints = {64 << 10, 128 << 10, 256 << 10, 1 << 20, 16 << 20})
    void romEndsAtFourGibAndAtOneMib(int bytes) throws BootException {
        final byte[] image = image(bytes);
        final BootPlan plan = load(image, MAP);
        assertEquals(BootState.resetVector(), plan.state());
        assertArrayEquals(image, plan.rom().orElseThrow().segment().toArray(ValueLayout.JAVA_BYTE));
        final int shadow = Math.min(bytes, 128 << 10);
        assertArrayEquals(
                Arrays.copyOfRange(image, bytes - shadow, bytes),
                ram.asSlice((1 << 20) - shadow, shadow).toArray(ValueLayout.JAVA_BYTE));
        assertEquals(1L << 32, plan.placements().getLast().end());
        assertTrue(plan.format("").contains("f000:fff0 in real mode"));
        plan.rom().orElseThrow().close();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 512, 32 << 10, (64 << 10) + 1, (16 << 20) + 4096})
    void whatIsNoFirmwareIsRefused(int bytes) {
        final BootException e = assertThrows(BootException.Malformed.class, () -> load(new byte[bytes], MAP));
        assertTrue(e.getMessage().startsWith("bios.bin: size = " + bytes + " bytes: "), e.getMessage());
    }

    @Test
    void tooMuchMemoryForIt() {
        final BootException e =
                assertThrows(BootException.DoesNotFit.class, () -> load(image(64 << 10), E820.of(3L << 30)));
        assertTrue(e.getMessage().contains("at most 2816 MiB"), e.getMessage());
    }
}
