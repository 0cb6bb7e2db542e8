package io.jvmm.fuzz.machine;

import io.jvmm.device.api.DeviceFactory;
import io.jvmm.device.api.Exercise;
import io.jvmm.fuzz.program.Operation;
import io.jvmm.fuzz.program.ProgramWriter;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.sys.MemFd;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The exercise that a device's process warms up with, as programs: what a driver does, in pieces short enough for a seed. */
public final class ExerciseSeed implements Exercise {
    private static final int MEMORY_BYTES = 1 << 20;

    private final List<Operation> vocabulary;
    private final int longest;
    private final List<byte[]> pieces = new ArrayList<>();
    private final GuestMemory memory;
    private ProgramWriter piece;

    private ExerciseSeed(List<Operation> vocabulary, int longest) {
        this.vocabulary = vocabulary;
        this.longest = longest;
        this.piece = new ProgramWriter(vocabulary);
        try (MemFd fd = MemFd.createSealed("exercise", MEMORY_BYTES)) {
            memory = GuestMemory.map(fd.fd(), MEMORY_BYTES);
        }
    }

    /**
     * The pieces.
     *
     * @param longest in bytes
     */
    public static List<byte[]> of(DeviceFactory factory, List<Operation> vocabulary, int longest) {
        ExerciseSeed seed = new ExerciseSeed(vocabulary, longest);
        factory.exercise(seed);
        seed.cut();
        seed.memory.close();
        return seed.pieces;
    }

    private void cut() {
        if (piece.length() > 0) {
            pieces.add(piece.bytes());
        }
        piece = new ProgramWriter(vocabulary);
    }

    private ProgramWriter next() {
        if (piece.length() > longest / 2) {
            cut();
        }
        return piece;
    }

    @Override
    public void read(int region, int offset, int widthBytes) {
        next().read(region, offset, widthBytes);
    }

    @Override
    public void write(int region, int offset, int widthBytes, long value) {
        next().write(region, offset, widthBytes, value);
    }

    @Override
    public void hostInput(int port, String text) {
        next().input(port, text.getBytes(StandardCharsets.ISO_8859_1));
    }

    @Override
    public void advance(long durationNs) {
        next().sleep(durationNs);
    }

    @Override
    public void resample(int line) {
        next().resample(line);
    }

    @Override
    public void powerButton() {
        next().plain(Operation.POWER);
    }

    /** A device without virtqueues has none. */
    @Override
    public void kick(int queue) {}

    /** What is put there is not part of the program. */
    @Override
    public GuestMemory memory() {
        return memory;
    }
}
