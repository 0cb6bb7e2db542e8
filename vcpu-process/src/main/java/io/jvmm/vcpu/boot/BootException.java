package io.jvmm.vcpu.boot;

/**
 * An image that cannot be booted. The message is one line that says which file, which field, its value, why that is
 * wrong and what to do about it; it goes to the person who wrote the configuration. Control characters in names and
 * values, which come from outside, are escaped.
 */
public abstract sealed class BootException extends Exception {
    private static final long serialVersionUID = 1L;

    private static final int LONGEST_PART = 200;

    private final String line;
    private final String file;
    private final String field;
    private final String value;
    private final String why;
    private final String cure;

    private BootException(String file, String field, String value, String why, String cure) {
        this.line = line(file, field, value, why, cure);
        this.file = file;
        this.field = field;
        this.value = value;
        this.why = why;
        this.cure = cure;
    }

    /** The host could not give us the bytes: a read failed or the file shrank under us. */
    public static final class Unreadable extends BootException {
        private static final long serialVersionUID = 1L;

        public Unreadable(String file, String field, String value, String why, String cure) {
            super(file, field, value, why, cure);
        }
    }

    /** The bytes contradict their own format: truncated, overlapping, corrupt. */
    public static final class Malformed extends BootException {
        private static final long serialVersionUID = 1L;

        public Malformed(String file, String field, String value, String why, String cure) {
            super(file, field, value, why, cure);
        }
    }

    /** A sound image of a kind this machine does not boot. */
    public static final class Unsupported extends BootException {
        private static final long serialVersionUID = 1L;

        public Unsupported(String file, String field, String value, String why, String cure) {
            super(file, field, value, why, cure);
        }
    }

    /** It does not go into this machine's memory, or two things want the same place. */
    public static final class DoesNotFit extends BootException {
        private static final long serialVersionUID = 1L;

        public DoesNotFit(String file, String field, String value, String why, String cure) {
            super(file, field, value, why, cure);
        }
    }

    /** One line without control characters. */
    @Override
    public String getMessage() {
        return line;
    }

    public String file() {
        return file;
    }

    public String field() {
        return field;
    }

    public String value() {
        return value;
    }

    public String why() {
        return why;
    }

    public String cure() {
        return cure;
    }

    static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }

    private static String line(String file, String field, String value, String why, String cure) {
        return printable(file) + ": " + printable(field) + " = " + printable(value) + ": " + printable(why) + "; "
                + printable(cure);
    }

    private static String printable(String text) {
        final StringBuilder b = new StringBuilder(text.length());
        for (int i = 0; i < text.length() && i < LONGEST_PART; i++) {
            final char c = text.charAt(i);
            if (c < ' ' || Character.isISOControl(c) || c == '\u2028' || c == '\u2029') {
                b.append("\\x").append(Character.forDigit((c >> 4) & 15, 16)).append(Character.forDigit(c & 15, 16));
            } else {
                b.append(c);
            }
        }
        return text.length() > LONGEST_PART ? b.append("...").toString() : b.toString();
    }
}
