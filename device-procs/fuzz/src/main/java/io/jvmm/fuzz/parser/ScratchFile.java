package io.jvmm.fuzz.parser;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A file that has one content after the other, for parsers that want a path. Gone with the process. */
final class ScratchFile {
    private final Path path;

    /** @param name of the file, in a directory of its own */
    ScratchFile(String name) {
        try {
            Path directory = Files.createTempDirectory("jvmm-fuzz-file-");
            path = directory.resolve(name);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(path, directory)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void delete(Path file, Path directory) {
        try {
            Files.deleteIfExists(file);
            Files.deleteIfExists(directory);
        } catch (IOException e) {
            // it is in the directory for such things
        }
    }

    /** The file, with this in it. */
    Path holding(byte[] bytes) throws IOException {
        return Files.write(path, bytes);
    }
}
