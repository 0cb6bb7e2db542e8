package io.jvmm.device.virtio;

import io.jvmm.device.api.PciDeclaration;
import io.jvmm.ipc.message.PciFunction;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** What a virtio function declares to the board: its PCI identity and its vendor capabilities (virtio 1.2 §4.1.2, §4.1.4). */
final class VirtioPci {
    private static final int VENDOR_ID = 0x1AF4;
    private static final int FIRST_DEVICE_ID = 0x1040;
    /** Not a transitional device (§4.1.2.1): 0x40 or more. */
    private static final int SUBSYSTEM_ID = 0x1100;

    private static final int REVISION = 1;

    private static final byte CAP_VENDOR = 0x09;
    private static final int CAP_BYTES = 16;
    private static final int LONGER_CAP_BYTES = 20;

    private static final int COMMON_CFG = 1;
    private static final int NOTIFY_CFG = 2;
    private static final int ISR_CFG = 3;
    private static final int DEVICE_CFG = 4;
    private static final int PCI_CFG = 5;

    private VirtioPci() {}

    static PciDeclaration declaration(int function, VirtioIdentity identity) {
        int queues = identity.queueSizes().size();
        int notifyBytes = queues * FunctionLayout.NOTIFY_MULTIPLIER;
        PciFunction pci = new PciFunction(
                function,
                VENDOR_ID,
                FIRST_DEVICE_ID + identity.deviceType(),
                VENDOR_ID,
                SUBSYSTEM_ID,
                identity.pciClass(),
                REVISION,
                identity.vectors(),
                queues,
                FunctionLayout.BAR_BYTES,
                FunctionLayout.NOTIFY,
                FunctionLayout.NOTIFY_MULTIPLIER,
                notifyBytes);
        List<byte[]> capabilities = new ArrayList<>();
        capabilities.add(capability(CAP_BYTES, COMMON_CFG, FunctionLayout.COMMON, CommonConfig.LENGTH_BYTES, 0));
        capabilities.add(capability(CAP_BYTES, ISR_CFG, FunctionLayout.ISR, 1, 0));
        if (identity.configLengthBytes() > 0) {
            capabilities.add(capability(CAP_BYTES, DEVICE_CFG, FunctionLayout.DEVICE, identity.configLengthBytes(), 0));
        }
        capabilities.add(capability(
                LONGER_CAP_BYTES, NOTIFY_CFG, FunctionLayout.NOTIFY, notifyBytes, FunctionLayout.NOTIFY_MULTIPLIER));
        capabilities.add(capability(LONGER_CAP_BYTES, PCI_CFG, 0, 0, 0));
        return new PciDeclaration(pci, capabilities);
    }

    /**
     * <pre>
     *   0      1      2     3          4     5    6      8        12       16
     *   | 0x09 | next | len | cfg_type | bar | id | (0) | offset | length | multiplier, or pci_cfg_data |
     * </pre>
     */
    private static byte[] capability(int capBytes, int type, int offset, int lengthBytes, int last) {
        ByteBuffer bytes = ByteBuffer.allocate(capBytes).order(ByteOrder.LITTLE_ENDIAN);
        bytes.put(CAP_VENDOR).put((byte) 0).put((byte) capBytes).put((byte) type);
        bytes.putInt(8, offset).putInt(12, lengthBytes);
        if (capBytes > CAP_BYTES) {
            bytes.putInt(CAP_BYTES, last);
        }
        return bytes.array();
    }
}
