package io.jvmm.it.bench;

import io.jvmm.it.LinuxProcess;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a process's memory is, by proc(5) {@code smaps}: its proportional set size, and of which kinds it is made. A process in its jail answers no
 * questions about its heap, but the JVM puts things where they can be told apart: a small Java heap below 4 GiB, the archive of classes at 32 GiB
 * and the space for classes behind it, code in the one anonymous mapping that may be executed.
 */
final class ProcessMemory {
    private static final Pattern HEADER = Pattern.compile("([0-9a-f]+)-([0-9a-f]+) (....) \\S+ \\S+ \\d+ *(.*)");
    private static final long HEAP_END = 1L << 32;
    private static final long CLASSES_START = 8L << 32;
    private static final long CLASSES_END = 16L << 32;

    /** Kinds of mappings. */
    enum Part {
        JAVA_HEAP,
        CODE_HEAP,
        /** The AOT cache, shared as long as it is not written to. */
        ARCHIVE,
        /** Classes that are not in the archive, and what the JVM writes about them. */
        CLASS_SPACE,
        LIBRARIES,
        /** Guest memory, links, states: memfds. */
        SHARED,
        /** The C heap, threads' stacks, the rest of metaspace. */
        OTHER
    }

    private final Map<Part, Long> parts = new EnumMap<>(Part.class);
    private long pssKb;
    private long dirtyKb;

    private ProcessMemory() {}

    static ProcessMemory of(long pid) {
        ProcessMemory memory = new ProcessMemory();
        Part part = Part.OTHER;
        for (String line : LinuxProcess.text(pid, "smaps").split("\n", -1)) {
            Matcher header = HEADER.matcher(line);
            if (header.matches()) {
                part = part(Long.parseUnsignedLong(header.group(1), 16), header.group(3), header.group(4));
            } else if (line.startsWith("Pss:")) {
                memory.pssKb += kb(line);
                memory.parts.merge(part, kb(line), Long::sum);
            } else if (line.startsWith("Private_Dirty:")) {
                memory.dirtyKb += kb(line);
            }
        }
        return memory;
    }

    private static Part part(long start, String rights, String path) {
        if (path.startsWith("/memfd:")) {
            return Part.SHARED;
        }
        if (path.endsWith(".aot") || path.endsWith(".jsa")) {
            return Part.ARCHIVE;
        }
        if (!path.isEmpty() && !path.startsWith("[")) {
            return Part.LIBRARIES;
        }
        if (path.isEmpty() && rights.charAt(2) == 'x') {
            return Part.CODE_HEAP;
        }
        if (start < HEAP_END) {
            return Part.JAVA_HEAP;
        }
        return start >= CLASSES_START && start < CLASSES_END ? Part.CLASS_SPACE : Part.OTHER;
    }

    private static long kb(String line) {
        return Long.parseLong(line.replaceAll("\\D", ""));
    }

    /** Proportional set size. */
    String pss() {
        return megabytes(pssKb);
    }

    /** What it is made of. */
    String details() {
        StringBuilder text = new StringBuilder("private dirty " + megabytes(dirtyKb));
        String separator = "; ";
        for (Part part : Part.values()) {
            text.append(separator).append(part.name().toLowerCase(Locale.ROOT).replace('_', ' '));
            text.append(' ').append(Table.number(parts.getOrDefault(part, 0L) / 1024.0, 1));
            separator = ", ";
        }
        return text.toString();
    }

    private static String megabytes(long kb) {
        return Table.number(kb / 1024.0, 1) + " MB";
    }
}
