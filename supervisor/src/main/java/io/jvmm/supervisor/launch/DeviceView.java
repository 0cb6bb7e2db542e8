package io.jvmm.supervisor.launch;

import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.sys.Fd;
import java.util.Map;

/**
 * What may be looked at of a device while its process works; none of it is the looker's to close, and a replacement or an upgrade may put
 * another state in its place.
 *
 * @param state segment; hostile
 * @param link to the vCPU process; both ends are hostile
 * @param entries the device's configuration, as its process was given it
 */
public record DeviceView(Fd state, LinkMemory link, Map<String, String> entries) {
    public DeviceView {
        entries = Map.copyOf(entries);
    }
}
