package io.jvmm.vcpu.board;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class NonPostedTest {
    /** PCI 3.0 §3.2.5: only memory writes are posted. */
    @Test
    void aReadPushesTheWriteAhead() {
        final List<String> seen = new ArrayList<>();
        final RegisterTarget device = new RegisterTarget() {
            @Override
            public long read(int vcpuIndex, int region, int offset, int widthBytes) {
                seen.add("read " + region + "." + offset + "/" + widthBytes);
                return 7;
            }

            @Override
            public void write(int vcpuIndex, int region, int offset, int widthBytes, long value) {
                seen.add("write " + region + "." + offset + "/" + widthBytes + "=" + value);
            }
        };
        final NonPosted registers = new NonPosted(device);
        registers.write(0, 5, 8, 4, 1);
        assertEquals(7, registers.read(0, 5, 1, 1));
        assertEquals(List.of("write 5.8/4=1", "read 5.0/1", "read 5.1/1"), seen);
    }
}
