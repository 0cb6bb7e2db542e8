package io.jvmm.vcpu.board;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Writes AML, the byte code of ACPI's DSDT (ACPI 6.5 §20). Only what our tables say, each operation under the name it has
 * in ASL. Blocks are given as lambdas, so that their length is known when they end.
 *
 * <pre>{@code
 *   aml.scope("\\_SB", sb -> sb.device("RTC0", d -> d.name("_HID").eisaId("PNP0B00")));
 * }</pre>
 */
final class AmlWriter {
    private static final int ZERO_OP = 0x00;
    private static final int ONE_OP = 0x01;
    private static final int NAME_OP = 0x08;
    private static final int BYTE_PREFIX = 0x0A;
    private static final int WORD_PREFIX = 0x0B;
    private static final int DWORD_PREFIX = 0x0C;
    private static final int STRING_PREFIX = 0x0D;
    private static final int QWORD_PREFIX = 0x0E;
    private static final int SCOPE_OP = 0x10;
    private static final int BUFFER_OP = 0x11;
    private static final int PACKAGE_OP = 0x12;
    private static final int METHOD_OP = 0x14;
    private static final int EXT_PREFIX = 0x5B;
    private static final int ARG0_OP = 0x68;
    private static final int STORE_OP = 0x70;
    private static final int AND_OP = 0x7B;
    private static final int OR_OP = 0x7D;
    private static final int CREATE_DWORD_FIELD_OP = 0x8A;
    private static final int LNOT_OP = 0x92;
    private static final int LEQUAL_OP = 0x93;
    private static final int IF_OP = 0xA0;
    private static final int RETURN_OP = 0xA4;
    private static final int OPERATION_REGION_OP = 0x80;
    private static final int FIELD_OP = 0x81;
    private static final int DEVICE_OP = 0x82;
    private static final int DUAL_NAME_PREFIX = 0x2E;
    private static final int PCI_CONFIG = 2;
    private static final int BYTE_ACCESS = 1;

    private static final int SERIALIZED = 1 << 3;
    private static final int SEGMENT_LENGTH = 4;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    byte[] toByteArray() {
        return out.toByteArray();
    }

    /** {@code Scope (path) { ... }}. */
    AmlWriter scope(String path, Consumer<AmlWriter> body) {
        return block(SCOPE_OP, b -> {
            b.path(path);
            body.accept(b);
        });
    }

    /** {@code Device (segment) { ... }}. */
    AmlWriter device(String segment, Consumer<AmlWriter> body) {
        out.write(EXT_PREFIX);
        return block(DEVICE_OP, b -> {
            b.path(segment);
            body.accept(b);
        });
    }

    /** {@code Name (path, ...)}: the next thing written is its object. */
    AmlWriter name(String path) {
        out.write(NAME_OP);
        return path(path);
    }

    /** {@code Package () {...}} of integers. */
    AmlWriter packageOf(long... values) {
        return block(PACKAGE_OP, b -> {
            b.out.write(values.length);
            for (final long v : values) {
                b.integer(v);
            }
        });
    }

    /** {@code Package () {...}} of {@code count} objects, which {@code elements} writes. */
    AmlWriter packageOf(int count, Consumer<AmlWriter> elements) {
        return block(PACKAGE_OP, b -> {
            b.out.write(count);
            elements.accept(b);
        });
    }

    /** {@code Method (segment, arguments, Serialized) { ... }}. */
    AmlWriter method(String segment, int arguments, Consumer<AmlWriter> body) {
        return block(METHOD_OP, b -> {
            b.path(segment);
            b.out.write(arguments | SERIALIZED);
            body.accept(b);
        });
    }

    /** {@code Method (segment, arguments, Serialized) {}} without arguments. */
    AmlWriter method(String segment, Consumer<AmlWriter> body) {
        return method(segment, 0, body);
    }

    /** {@code OperationRegion (segment, PCI_Config, offset, length)} of the device around it. */
    AmlWriter pciConfigRegion(String segment, int offset, int lengthBytes) {
        out.write(EXT_PREFIX);
        out.write(OPERATION_REGION_OP);
        path(segment);
        out.write(PCI_CONFIG);
        return integer(offset).integer(lengthBytes);
    }

    /**
     * {@code Field (region, ByteAcc, NoLock, Preserve) { ... }} of one byte each, from the region's first one on; null for a byte
     * without a name, of which fewer than eight may be in a row.
     */
    AmlWriter byteFields(String region, List<@Nullable String> segments) {
        out.write(EXT_PREFIX);
        return block(FIELD_OP, b -> {
            b.path(region);
            b.out.write(BYTE_ACCESS);
            int unnamed = 0;
            for (final String segment : segments) {
                if (segment == null) {
                    unnamed++;
                    continue;
                }
                if (unnamed > 0) {
                    b.out.write(0);
                    b.out.write(unnamed * Byte.SIZE);
                    unnamed = 0;
                }
                b.path(segment);
                b.out.write(Byte.SIZE);
            }
        });
    }

    /** {@code If (path) { ... }}. */
    AmlWriter ifSet(String path, Consumer<AmlWriter> body) {
        return block(IF_OP, b -> body.accept(b.path(path)));
    }

    /** {@code If (segment & bits) { ... }}. */
    AmlWriter ifAnyBit(String segment, int bits, Consumer<AmlWriter> body) {
        return block(IF_OP, b -> {
            b.out.write(AND_OP);
            b.path(segment).integer(bits);
            b.out.write(ZERO_OP);
            body.accept(b);
        });
    }

    /** {@code target = segment & bits}. */
    AmlWriter and(String segment, int bits, String target) {
        out.write(AND_OP);
        return path(segment).integer(bits).path(target);
    }

    /** {@code target = source}. */
    AmlWriter store(String source, String target) {
        out.write(STORE_OP);
        return path(source).path(target);
    }

    /** {@code target = ArgN}. */
    AmlWriter storeArgument(int argument, String target) {
        out.write(STORE_OP);
        out.write(ARG0_OP + argument);
        return path(target);
    }

    /** {@code Return (...)}: the next thing written is what. */
    AmlWriter returns() {
        out.write(RETURN_OP);
        return this;
    }

    /** {@code CreateDWordField (buffer, byteIndex, segment)}. */
    AmlWriter dwordField(String buffer, int byteIndex, String segment) {
        out.write(CREATE_DWORD_FIELD_OP);
        return path(buffer).integer(byteIndex).path(segment);
    }

    /** {@code CreateDWordField (ArgN, byteIndex, segment)}. */
    AmlWriter dwordField(int argument, int byteIndex, String segment) {
        out.write(CREATE_DWORD_FIELD_OP);
        out.write(ARG0_OP + argument);
        return integer(byteIndex).path(segment);
    }

    /** {@code If (ArgN != Buffer () {...}) { ... }}. */
    AmlWriter ifArgumentDiffers(int argument, byte[] value, Consumer<AmlWriter> body) {
        return block(IF_OP, b -> {
            b.out.write(LNOT_OP);
            b.out.write(LEQUAL_OP);
            b.out.write(ARG0_OP + argument);
            b.buffer(value);
            body.accept(b);
        });
    }

    /** {@code segment |= bits}. */
    AmlWriter setBits(String segment, int bits) {
        out.write(OR_OP);
        return path(segment).integer(bits).path(segment);
    }

    /** {@code Return (ArgN)}. */
    AmlWriter returnArgument(int argument) {
        out.write(RETURN_OP);
        out.write(ARG0_OP + argument);
        return this;
    }

    /** In the shortest encoding (§20.2.3). */
    AmlWriter integer(long value) {
        if (value == 0) {
            out.write(ZERO_OP);
        } else if (value == 1) {
            out.write(ONE_OP);
        } else if (value >>> 8 == 0) {
            out.write(BYTE_PREFIX);
            little(value, 1);
        } else if (value >>> 16 == 0) {
            out.write(WORD_PREFIX);
            little(value, 2);
        } else if (value >>> 32 == 0) {
            out.write(DWORD_PREFIX);
            little(value, 4);
        } else {
            out.write(QWORD_PREFIX);
            little(value, 8);
        }
        return this;
    }

    /** ASCII, NUL-terminated. */
    AmlWriter string(String text) {
        out.write(STRING_PREFIX);
        out.writeBytes(text.getBytes(StandardCharsets.US_ASCII));
        out.write(0);
        return this;
    }

    /** {@code EisaId ("PNP0B00")}: three letters of five bits, four hex digits, most significant byte first (§19.3.4). */
    AmlWriter eisaId(String id) {
        if (!id.matches("[A-Z]{3}[0-9A-F]{4}")) {
            throw new IllegalArgumentException("not an EISA id: " + id);
        }
        final int letters = ((id.charAt(0) - '@') << 10) | ((id.charAt(1) - '@') << 5) | (id.charAt(2) - '@');
        final int packed = (letters << 16) | Integer.parseInt(id.substring(3), 16);
        return integer(Integer.toUnsignedLong(Integer.reverseBytes(packed)));
    }

    /** {@code Buffer () {...}}. */
    AmlWriter buffer(byte[] bytes) {
        return block(BUFFER_OP, b -> {
            b.integer(bytes.length);
            b.out.writeBytes(bytes);
        });
    }

    private AmlWriter block(int operation, Consumer<AmlWriter> body) {
        final AmlWriter inner = new AmlWriter();
        body.accept(inner);
        out.write(operation);
        packageLength(inner.out.size());
        out.writeBytes(inner.toByteArray());
        return this;
    }

    /** §20.2.4: counts itself; one byte up to 63, else bits 7:6 tell how many bytes follow and bits 3:0 come first. */
    private void packageLength(int bodyBytes) {
        if (bodyBytes + 1 < 1 << 6) {
            out.write(bodyBytes + 1);
            return;
        }
        int following = 1;
        while (bodyBytes + 1 + following >= 1 << (4 + 8 * following)) {
            following++;
        }
        if (following > 3) {
            throw new IllegalArgumentException("AML block of " + bodyBytes + " bytes");
        }
        final int length = bodyBytes + 1 + following;
        out.write((following << 6) | (length & 0xF));
        little(length >> 4, following);
    }

    /** An absolute or relative path of one segment, or of two with a dot; segments are padded with underscores (§20.2.2). */
    AmlWriter path(String path) {
        final boolean absolute = path.startsWith("\\");
        final String[] segments = (absolute ? path.substring(1) : path).split("\\.", -1);
        if (absolute) {
            out.write('\\');
        }
        if (segments.length == 2) {
            out.write(DUAL_NAME_PREFIX);
        }
        for (final String segment : segments) {
            if (segments.length > 2 || !segment.matches("[A-Z_][A-Z0-9_]{0,3}")) {
                throw new IllegalArgumentException("not an AML name segment: " + path);
            }
            out.writeBytes(
                    (segment + "_".repeat(SEGMENT_LENGTH - segment.length())).getBytes(StandardCharsets.US_ASCII));
        }
        return this;
    }

    private void little(long value, int bytes) {
        for (int i = 0; i < bytes; i++) {
            out.write((int) (value >>> (8 * i)));
        }
    }
}
