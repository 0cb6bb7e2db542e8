package io.jvmm.device.api;

import io.jvmm.ipc.boot.ProcessExit;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SequenceLayout;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.agrona.concurrent.UnsafeBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A field of a state segment, found by the name that people use: {@code port[0].LCR}, {@code kbc.status}.
 *
 * @param offset in the segment, bytes
 * @param lengthBytes of it
 */
record StateField(int offset, int lengthBytes) {
    /** Of names that are told to somebody who has typed their end. */
    private static final int MOST_FOUND = 8;

    private static final Pattern INDEXED = Pattern.compile("\\[(\\d{1,9})](.*)");
    /** What the fields of a virtio device that has one function begin with, for whoever looks at the process. */
    private static final String ONLY_FUNCTION = "function0";

    /** A part of a state: of one field, or of many. */
    private record Part(MemoryLayout layout, long offset) {}

    /**
     * Where a field of that name is.
     *
     * @throws StageException when there is none, or it is many
     */
    static StateField of(MemoryLayout layout, String name) {
        Part part = name.isEmpty() ? null : find(layout, name, 0);
        part = part == null && !name.isEmpty() ? find(layout, ONLY_FUNCTION + "." + name, 0) : part;
        if (part == null) {
            List<String> found = new ArrayList<>();
            if (!name.isEmpty()) {
                endings(layout, "", name, found);
            }
            throw wrong(
                    name,
                    found.isEmpty()
                            ? "the state has no such field; --state '' prints all"
                            : "the state has no such field; it has " + String.join(", ", found));
        }
        String others = switch (part.layout()) {
            case SequenceLayout many
            when !(many.elementLayout() instanceof ValueLayout) ->
                name + "[0] to " + name + "[" + (many.elementCount() - 1) + "]";
            case GroupLayout group ->
                group.memberLayouts().stream()
                        .flatMap(member -> member.name().stream())
                        .map(member -> name + "." + member)
                        .collect(Collectors.joining(", "));
            default -> "";
        };
        if (!others.isEmpty()) {
            throw wrong(name, "that is not one field; name one of " + others);
        }
        return new StateField(
                Math.toIntExact(part.offset()), Math.toIntExact(part.layout().byteSize()));
    }

    /** How the paths begin that somebody means who has typed {@code prefix}: in a device with one function that need not be said. */
    static String prefix(MemoryLayout layout, String prefix) {
        if (prefix.isEmpty() || !(layout instanceof GroupLayout group)) {
            return prefix;
        }
        String typed = prefix.toLowerCase(Locale.ROOT);
        boolean begins = group.memberLayouts().stream()
                .flatMap(member -> member.name().stream())
                .map(member -> member.toLowerCase(Locale.ROOT))
                .anyMatch(member -> member.startsWith(typed) || typed.startsWith(member));
        return begins || group.memberLayouts().stream().noneMatch(StateField::isFunction)
                ? prefix
                : ONLY_FUNCTION + "." + prefix;
    }

    private static boolean isFunction(MemoryLayout member) {
        return member.name().orElse("").equals(ONLY_FUNCTION);
    }

    /** Fields whose names end so, a few of them: of a sequence none is looked at whose first element has none. */
    private static void endings(MemoryLayout layout, String path, String name, List<String> found) {
        if (layout instanceof SequenceLayout many) {
            for (long i = 0; i < many.elementCount() && found.size() < MOST_FOUND; i++) {
                int before = found.size();
                endings(many.elementLayout(), path + "[" + i + "]", name, found);
                if (found.size() == before) {
                    return;
                }
            }
        } else if (layout instanceof GroupLayout group) {
            for (MemoryLayout member : group.memberLayouts()) {
                String own = path + (path.isEmpty() ? "" : ".") + member.name().orElse("");
                if (own.endsWith("." + name) && found.size() < MOST_FOUND) {
                    found.add(own);
                } else if (member.name().isPresent()) {
                    endings(member, own, name, found);
                }
            }
        }
    }

    /** Names may have dots in them: each member is tried. */
    private static @Nullable Part find(MemoryLayout layout, String rest, long offset) {
        if (rest.isEmpty()) {
            return new Part(layout, offset);
        }
        if (layout instanceof GroupLayout group) {
            long at = offset;
            for (MemoryLayout member : group.memberLayouts()) {
                String name = member.name().orElse("");
                if (!name.isEmpty() && rest.startsWith(name)) {
                    Part part = behind(member, rest.substring(name.length()), at);
                    if (part != null) {
                        return part;
                    }
                }
                at += member.byteSize();
            }
        }
        return null;
    }

    /** What follows a name: nothing, an index, or a dot and another name. */
    private static @Nullable Part behind(MemoryLayout layout, String tail, long offset) {
        if (tail.startsWith(".")) {
            return tail.length() == 1 ? null : find(layout, tail.substring(1), offset);
        }
        Matcher indexed = INDEXED.matcher(tail);
        if (layout instanceof SequenceLayout many && indexed.matches()) {
            int index = Integer.parseInt(indexed.group(1));
            MemoryLayout element = many.elementLayout();
            return index < many.elementCount()
                    ? behind(element, indexed.group(2), offset + index * element.byteSize())
                    : null;
        }
        return tail.isEmpty() ? new Part(layout, offset) : null;
    }

    private static StageException wrong(String name, String why) {
        return new StageException(ProcessExit.BAD_CONFIGURATION, "--break-on " + name + ": " + why);
    }

    /** Its bytes as one number, the last byte first. */
    String value(UnsafeBuffer state) {
        StringBuilder text = new StringBuilder();
        for (int i = lengthBytes - 1; i >= 0; i--) {
            int value = state.getByte(offset + i) & 0xFF;
            text.append(Character.forDigit(value >> 4, 16)).append(Character.forDigit(value & 0xF, 16));
        }
        return "0x" + text;
    }
}
