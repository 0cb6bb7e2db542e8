package io.jvmm.it;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.it.bench.StockGuests;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/** Debian's kernels and a Debian root file system on the software CPU: no complaint and no failed unit that QEMU's has not. */
@Tag("boot")
@EnabledIfSystemProperty(
        named = "jvmm.stock",
        matches = "true",
        disabledReason = "takes many minutes: -Djvmm.stock=true")
class StockGuestsIT {
    @TempDir(cleanup = CleanupMode.ON_SUCCESS)
    Path dir = Path.of("");

    @Test
    void bootAsUnderQemu() throws Exception {
        assertEquals(List.of(), StockGuests.check(dir));
    }
}
