package io.jvmm.device.platform;

import io.jvmm.device.api.trace.DeviceCall;
import io.jvmm.device.api.trace.HostCalls;
import io.jvmm.ipc.trace.Tape;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** What passes between the platform devices and their host, on a tape: everything that is not a call of the runtime. Numbers are never reused. */
enum PlatformCall {
    /** CALL length: what the board tells firmware is there. */
    FIRMWARE_FILES(64),
    /** ANSWER milliseconds since 1970. */
    WALL_CLOCK(65),
    /** ANSWER the bytes of the table of files. */
    FILE_TABLE(66),
    /** ANSWER bytes of a file. */
    FILE(67);

    private final int code;

    PlatformCall(int code) {
        this.code = code;
    }

    /** The number on the tape. */
    int code() {
        return code;
    }

    /** The host's side in a replay. */
    static HostCalls replayed(PlatformCore core, Tape tape) {
        return new HostCalls() {
            @Override
            public boolean call(int method, long a, long b, long c, long nowNs, DirectBuffer bytes, int lengthBytes) {
                boolean files = method == FIRMWARE_FILES.code && a >= 0 && a <= Integer.MAX_VALUE;
                if (files) {
                    core.firmwareFiles(new UnsafeBuffer(new byte[0]), (int) a, tape);
                }
                return files;
            }

            @Override
            public String nameOf(int method) {
                for (PlatformCall call : values()) {
                    if (call.code == method) {
                        return call.name();
                    }
                }
                return DeviceCall.nameOf(method);
            }
        };
    }
}
