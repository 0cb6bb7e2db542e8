package io.jvmm.device.api;

import io.jvmm.ipc.boot.ProcessExit;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * A field of a state segment, found by the name that people use: {@code port[0].LCR}.
 *
 * @param offset in the segment, bytes
 * @param lengthBytes of it
 */
record StateField(int offset, int lengthBytes) {
    private static final Pattern STEP = Pattern.compile("([^.\\[\\]]+)((?:\\[\\d{1,9}])*)");
    private static final Pattern INDEX = Pattern.compile("\\[(\\d{1,9})]");

    /**
     * Where a field of that name is.
     *
     * @throws StageException when there is none
     */
    static StateField of(MemoryLayout layout, String name) {
        List<PathElement> path = new ArrayList<>(); // to the very element
        List<PathElement> kind = new ArrayList<>(); // to any of its kind: select takes no index
        for (String step : name.split("\\.", -1)) {
            Matcher parts = STEP.matcher(step);
            if (!parts.matches()) {
                throw wrong(name, "a field is called like port[0].LCR");
            }
            path.add(PathElement.groupElement(parts.group(1)));
            kind.add(PathElement.groupElement(parts.group(1)));
            Matcher index = INDEX.matcher(parts.group(2));
            while (index.find()) {
                path.add(PathElement.sequenceElement(Integer.parseInt(index.group(1))));
                kind.add(PathElement.sequenceElement());
            }
        }
        try {
            int offset = Math.toIntExact(layout.byteOffset(path.toArray(new PathElement[0])));
            return new StateField(
                    offset,
                    Math.toIntExact(
                            layout.select(kind.toArray(new PathElement[0])).byteSize()));
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            throw wrong(name, "the state has no such field; --state '' prints all");
        }
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
