package io.jvmm.vcpu.board.pci;

import io.jvmm.ipc.message.PciFunction;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a device process has said of the function in one slot, checked. Ranges of {@link PciFunction}'s fields have been checked when it was
 * read; here is what they must have to do with one another, with the slot, and with what fits into configuration space.
 *
 * <p>The device is hostile. Only virtio's vendor capabilities are taken (virtio 1.2 §4.1.4), each kind once:
 *
 * <pre>
 *   0      1      2      3      4      5      6          8            12           16
 *   | 09   | next | len  | kind | bar  | id   | (0)      | u32 offset | u32 length | notify: u32 multiplier; pci-cfg: 4 data bytes |
 * </pre>
 */
final class Declaration {
    static final int VENDOR_CAPABILITY = 0x09;
    static final int LENGTH = 2;
    static final int KIND = 3;
    static final int BAR = 4;
    static final int OFFSET = 8;
    static final int REGION_LENGTH = 12;
    static final int MORE = 16;

    static final int KIND_COMMON = 1;
    static final int KIND_NOTIFY = 2;
    static final int KIND_ISR = 3;
    static final int KIND_DEVICE = 4;
    static final int KIND_PCI_CFG = 5;

    /** Capabilities a function may have; the bytes are limited by the configuration space. */
    private static final int MOST_CAPABILITIES = 16;

    private static final int SHORTEST = MORE;
    private static final int WITH_MORE = MORE + 4;

    private final PciSlot slot;
    private final List<byte[]> capabilities = new ArrayList<>();
    private @Nullable PciFunction function;
    private String problem = "";
    /** How many capabilities the device has declared since it last declared the function. */
    private int repeated;

    Declaration(PciSlot slot) {
        this.slot = slot;
    }

    /** What is wrong, for people; the first finding stays. */
    String problem() {
        if (problem.isEmpty() && function == null) {
            complain("has not declared itself");
        }
        return problem;
    }

    PciFunction function() {
        final PciFunction declared = function;
        if (declared == null) {
            throw new IllegalStateException(problem());
        }
        return declared;
    }

    List<byte[]> capabilities() {
        return capabilities;
    }

    /** Says the function, before the guest starts; saying the same again changes nothing. */
    void declare(PciFunction declared) {
        if (function != null) {
            if (!repeat(declared)) {
                complain("has declared itself twice, and differently");
            }
            return;
        }
        if (declared.vectors() > slot.vectors().size()) {
            complain("declares " + declared.vectors() + " MSI-X vectors and has been given "
                    + slot.vectors().size() + " lines");
        } else if (declared.vendorId() == 0 || declared.classCode() >>> 16 == 0x06) {
            complain("declares vendor " + Integer.toHexString(declared.vendorId()) + " and class "
                    + Integer.toHexString(declared.classCode()) + "; bridges are the board's");
        }
        function = declared;
    }

    /** A process has died, and its successor says who it is: whether that is what the first one has said. */
    boolean repeat(PciFunction declared) {
        repeated = 0;
        return function != null && isSame(declared, function);
    }

    /** Not the record's own equals, whose code is made when it is first called: no class can be loaded behind the narrow filter. */
    private static boolean isSame(PciFunction a, PciFunction b) {
        return a.vendorId() == b.vendorId()
                && a.deviceId() == b.deviceId()
                && a.subsystemVendorId() == b.subsystemVendorId()
                && a.subsystemId() == b.subsystemId()
                && a.classCode() == b.classCode()
                && a.revision() == b.revision()
                && a.vectors() == b.vectors()
                && a.queues() == b.queues()
                && a.barLengthBytes() == b.barLengthBytes()
                && a.notifyOffset() == b.notifyOffset()
                && a.notifyMultiplier() == b.notifyMultiplier()
                && a.notifyLengthBytes() == b.notifyLengthBytes();
    }

    /** Says the next capability, before the guest starts; a successor of a process that has died begins with those that are known. */
    void declare(byte[] bytes) {
        final PciFunction declared = function;
        if (declared == null) {
            complain("declares a capability before itself");
            return;
        }
        if (repeated < capabilities.size()) {
            if (!repeat(bytes)) {
                complain("has declared capability " + repeated + " twice, and differently");
            }
            return;
        }
        capabilities.add(bytes);
        repeated = capabilities.size();
        final String wrong = wrong(declared, bytes);
        if (!wrong.isEmpty()) {
            complain("capability " + capabilities.size() + ": " + wrong);
        }
    }

    /** The same for the next capability. */
    boolean repeat(byte[] bytes) {
        final boolean known = repeated < capabilities.size() && Arrays.equals(bytes, capabilities.get(repeated));
        repeated = Math.min(repeated + 1, capabilities.size());
        return known;
    }

    private String wrong(PciFunction declared, byte[] bytes) {
        if (capabilities.size() > MOST_CAPABILITIES) {
            return "more than " + MOST_CAPABILITIES;
        }
        if ((bytes[0] & 0xFF) != VENDOR_CAPABILITY) {
            return "id " + (bytes[0] & 0xFF)
                    + "; a device declares vendor capabilities (9), the others are the board's";
        }
        if (bytes.length < SHORTEST || (bytes[LENGTH] & 0xFF) != bytes.length) {
            return bytes.length + " bytes, with a length field of "
                    + (bytes.length > LENGTH ? bytes[LENGTH] & 0xFF : 0);
        }
        final int kind = bytes[KIND] & 0xFF;
        if (kind < KIND_COMMON || kind > KIND_PCI_CFG) {
            return "unknown kind " + kind;
        }
        for (final byte[] earlier : capabilities.subList(0, capabilities.size() - 1)) {
            if (earlier.length > KIND && earlier[KIND] == bytes[KIND]) {
                return "a second one of kind " + kind;
            }
        }
        if (bytes.length != (kind == KIND_NOTIFY || kind == KIND_PCI_CFG ? WITH_MORE : SHORTEST)) {
            return bytes.length + " bytes for kind " + kind;
        }
        if (bytes[BAR] != 0) {
            return "BAR " + (bytes[BAR] & 0xFF) + "; a device has BAR 0";
        }
        return wrongPlace(declared, kind, bytes);
    }

    private static String wrongPlace(PciFunction declared, int kind, byte[] bytes) {
        final long offset = u32(bytes, OFFSET) & 0xFFFF_FFFFL;
        final long length = u32(bytes, REGION_LENGTH) & 0xFFFF_FFFFL;
        if (kind == KIND_PCI_CFG) {
            return offset == 0 && length == 0 ? "" : "the window (pci-cfg) begins with offset and length 0";
        }
        if (length == 0 || offset + length > declared.barLengthBytes() || (offset & 3) != 0) {
            return "offset " + Long.toHexString(offset) + " length " + Long.toHexString(length) + " is not in a BAR of "
                    + Integer.toHexString(declared.barLengthBytes()) + " bytes, or not aligned";
        }
        if (kind == KIND_NOTIFY
                && (offset != declared.notifyOffset()
                        || length > declared.notifyLengthBytes()
                        || u32(bytes, MORE) != declared.notifyMultiplier())) {
            return "doorbells are elsewhere than the function says";
        }
        return "";
    }

    /** Where the capability of this kind says its registers are; -1 when there is none. */
    int offsetOf(int kind) {
        for (final byte[] bytes : capabilities) {
            if (bytes[KIND] == kind) {
                return u32(bytes, OFFSET);
            }
        }
        return -1;
    }

    static int u32(byte[] bytes, int at) {
        return (bytes[at] & 0xFF)
                | ((bytes[at + 1] & 0xFF) << 8)
                | ((bytes[at + 2] & 0xFF) << 16)
                | ((bytes[at + 3] & 0xFF) << 24);
    }

    /** For a finding of the bus. */
    void complain(String finding) {
        if (problem.isEmpty()) {
            problem = slot.name() + ": " + finding;
        }
    }
}
