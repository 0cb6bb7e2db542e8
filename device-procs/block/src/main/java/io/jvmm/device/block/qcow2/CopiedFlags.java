package io.jvmm.device.block.qcow2;

import io.jvmm.device.block.image.ImageException;
import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.IoVector;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Sets the COPIED flags of the active tables as the counts have it, once those are right. */
final class CopiedFlags {
    private final ImageParts parts;
    private final Geometry geometry;
    private final MetadataReader reader;
    private final L1Table l1;
    private final Refcounts refcounts;

    CopiedFlags(ImageParts parts, MetadataReader reader, L1Table l1, Refcounts refcounts) {
        this.parts = parts;
        this.geometry = parts.geometry();
        this.reader = reader;
        this.l1 = l1;
        this.refcounts = refcounts;
    }

    void correct() {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment table = MetadataReader.memory(arena, geometry.clusterBytes());
            for (long i = 0; i < l1.entriesInFile(); i++) {
                final long entry = l1.get(i);
                final long offset = entry & Geometry.OFFSET;
                if (offset == 0) {
                    continue;
                }
                correctTable(offset, table);
                final long corrected = corrected(entry);
                if (corrected != entry) {
                    written(l1.set(i, corrected));
                }
            }
        }
    }

    private void correctTable(long offset, MemorySegment table) {
        reader.read(offset, table, geometry.clusterBytes());
        boolean changed = false;
        for (int at = 0; at < geometry.clusterBytes(); at += geometry.entryBytes()) {
            final long entry = table.get(HeaderField.U64, at);
            final boolean standard = (entry & Geometry.COMPRESSED) == 0;
            if (standard && !geometry.external() && geometry.hasHost(entry) && corrected(entry) != entry) {
                table.set(HeaderField.U64, at, corrected(entry));
                changed = true;
            }
        }
        if (changed) {
            final IoVector vector = new IoVector(1);
            vector.add(table, 0, geometry.clusterBytes());
            written(parts.storage().write(0, offset, vector, 0));
        }
    }

    private long corrected(long entry) {
        final long count = refcounts.get((entry & Geometry.OFFSET) >>> geometry.clusterBits());
        written(Math.min(count, 0));
        return count == 1 ? entry | Geometry.COPIED : entry & ~Geometry.COPIED;
    }

    private void written(long result) {
        if (result != 0) {
            throw new ImageException(parts.name() + ": the flags of this qcow2 image cannot be set right: "
                    + Errno.of((int) -result).meaning());
        }
    }
}
