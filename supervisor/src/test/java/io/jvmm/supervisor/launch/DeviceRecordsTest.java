package io.jvmm.supervisor.launch;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.sys.MemFd;
import io.jvmm.supervisor.backend.Wiring;
import java.util.List;
import org.junit.jupiter.api.Test;

class DeviceRecordsTest {

    /** The caretaker of a broken device knows what the device was like, which its state depends on, and gets nothing of the host. */
    @Test
    void aCaretakerGetsEntriesAndNoDescriptors() {
        try (MemFd image = MemFd.createEmpty("image")) {
            Wiring disk = new Wiring().put("queues", 2).fd("image", image.fd());
            for (boolean host : new boolean[] {false, true}) {
                BootRecord.Builder builder = BootRecord.builder();
                DeviceRecords.virtio(List.of(disk, disk), host, builder);
                BootRecord record = builder.build();
                assertEquals("2", record.findText("functions").orElse(""));
                assertEquals("2", record.findText("1.queues").orElse(""));
                assertEquals(host, record.findFd("0.image").isPresent());
                assertEquals(host ? 2 : 0, record.fdNames().size());
            }
        }
    }
}
