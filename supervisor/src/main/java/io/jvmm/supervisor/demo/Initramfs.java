package io.jvmm.supervisor.demo;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.commons.compress.archivers.cpio.CpioArchiveEntry;
import org.apache.commons.compress.archivers.cpio.CpioArchiveOutputStream;
import org.apache.commons.compress.archivers.cpio.CpioConstants;

/**
 * Writes an initial ram file system: a cpio archive in the "newc" format (Linux, Documentation/driver-api/early-userspace/
 * buffer-format), every entry owned by root, times zero, so that the same content gives the same bytes.
 */
public final class Initramfs implements AutoCloseable {
    private static final int MODE_MASK = 0xfff;

    private final CpioArchiveOutputStream cpio;
    private long inode = 1;

    /** Begins an archive on {@code out}, which {@link #close} closes. */
    public Initramfs(OutputStream out) {
        cpio = new CpioArchiveOutputStream(out, CpioConstants.FORMAT_NEW);
    }

    /** A directory; parents come first. */
    public Initramfs directory(String path) throws IOException {
        add(path, CpioConstants.C_ISDIR | 0755, new byte[0], 0);
        return this;
    }

    /** A regular file. */
    public Initramfs file(String path, int permissions, byte[] content) throws IOException {
        add(path, CpioConstants.C_ISREG | (permissions & MODE_MASK), content, 0);
        return this;
    }

    /** A regular file of text. */
    public Initramfs file(String path, int permissions, String text) throws IOException {
        return file(path, permissions, text.getBytes(StandardCharsets.UTF_8));
    }

    /** A regular file with the content of a host's file. */
    public Initramfs file(String path, int permissions, Path content) throws IOException {
        return file(path, permissions, Files.readAllBytes(content));
    }

    /** A symbolic link. */
    public Initramfs link(String path, String target) throws IOException {
        add(path, CpioConstants.C_ISLNK | 0777, target.getBytes(StandardCharsets.UTF_8), 0);
        return this;
    }

    /** A character device: the console must be there before anything is mounted. */
    public Initramfs characterDevice(String path, int permissions, int major, int minor) throws IOException {
        add(path, CpioConstants.C_ISCHR | permissions, new byte[0], (long) major << 32 | minor);
        return this;
    }

    private void add(String path, int mode, byte[] content, long device) throws IOException {
        CpioArchiveEntry entry = new CpioArchiveEntry(CpioConstants.FORMAT_NEW, path, content.length);
        entry.setMode(mode);
        entry.setInode(inode++);
        entry.setNumberOfLinks(1);
        entry.setTime(0);
        entry.setRemoteDeviceMaj(device >>> 32);
        entry.setRemoteDeviceMin(device & 0xffff_ffffL);
        cpio.putArchiveEntry(entry);
        cpio.write(content);
        cpio.closeArchiveEntry();
    }

    @Override
    public void close() throws IOException {
        cpio.close();
    }
}
