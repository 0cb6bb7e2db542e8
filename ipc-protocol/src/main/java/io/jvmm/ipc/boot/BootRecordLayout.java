package io.jvmm.ipc.boot;

/**
 * Bytes of one datagram of a boot record. Little-endian. PROTOCOL.md, "Boot record", is normative.
 *
 * <pre>
 *   0              4          6           8             10        12
 *   | u32 "JVMB"   | u16 ver  | u16 fds   | u16 entries | u16 flags | names ... entries ... |
 *
 *   name:   | u8 length | UTF-8 |                             one a descriptor, in the order of the descriptors
 *   entry:  | u16 key length | key (UTF-8) | u32 value length | value |
 *   flags:  bit 0: another datagram of the same record follows
 * </pre>
 */
final class BootRecordLayout {
    /** "JVMB" in the order of the bytes on the wire: 4a 56 4d 42. */
    static final int MAGIC = 0x424D_564A;

    static final int VERSION = 1;
    static final int FLAG_MORE = 1;
    static final int HEADER_BYTES = 12;
    static final int MAX_DATAGRAM_BYTES = 65536;
    static final int MAX_FDS = 64;
    static final int MAX_NAME_BYTES = 255;
    static final int MAX_KEY_BYTES = 255;

    /** Most datagrams of one record: bounds what a hostile sender can make us hold. */
    static final int MAX_DATAGRAMS = 64;

    private BootRecordLayout() {}
}
