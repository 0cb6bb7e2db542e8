package io.jvmm.it.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.device.api.trace.DeviceCall;
import io.jvmm.supervisor.journal.MethodNames;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** {@code jvmm-journal} names the methods on a tape as the devices do, of which it knows no class. */
final class MethodNamesTest {
    @Test
    void theListSaysWhatTheDevicesSay() throws ReflectiveOperationException {
        MethodNames names = MethodNames.load();
        List<String> wrong = new ArrayList<>();
        for (DeviceCall call : DeviceCall.values()) {
            compare(names, MethodNames.RUNTIME, call.name(), call.code(), wrong);
        }
        Map<String, String> own = new TreeMap<>(Map.of(
                "block", "io.jvmm.device.block.BlockCall",
                "net", "io.jvmm.device.net.NetCall",
                "platform", "io.jvmm.device.platform.PlatformCall",
                "vsock", "io.jvmm.device.vsock.VsockCall"));
        for (Map.Entry<String, String> e : own.entrySet()) {
            for (Object call : Class.forName(e.getValue()).getEnumConstants()) {
                var code = call.getClass().getDeclaredMethod("code");
                code.setAccessible(true);
                compare(names, e.getKey(), ((Enum<?>) call).name(), (Integer) code.invoke(call), wrong);
            }
        }
        assertEquals(List.of(), wrong);
    }

    private static void compare(MethodNames names, String deviceClass, String name, int code, List<String> wrong) {
        if (!names.of(deviceClass).apply(code).equals(name)) {
            wrong.add(deviceClass + " " + code + " " + name);
        }
    }
}
