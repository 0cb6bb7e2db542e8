package io.jvmm.device.api;

import java.io.IOException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Loads every class of the jar or directory some class came from, because none can be loaded once the jail is closed. Slow
 * and thorough, for the scripted peer; a device process trusts its warm-up and the AOT cache instead.
 */
final class ClassPreloader {

    private static final String SUFFIX = ".class";

    private ClassPreloader() {}

    static void loadAllBeside(Class<?> anchor) throws IOException {
        Path source = source(anchor);
        if (Files.isDirectory(source)) {
            loadTree(source, anchor.getClassLoader());
        } else {
            try (FileSystem jar = FileSystems.newFileSystem(source)) {
                loadTree(jar.getPath("/"), anchor.getClassLoader());
            }
        }
    }

    /** The jar or directory a class came from. */
    static Path source(Class<?> anchor) {
        return Path.of(anchor.getProtectionDomain()
                        .getCodeSource()
                        .getLocation()
                        .getPath())
                .toAbsolutePath();
    }

    private static void loadTree(Path root, ClassLoader loader) throws IOException {
        List<String> names;
        try (Stream<Path> files = Files.walk(root)) {
            names = files.map(file -> root.relativize(file).toString())
                    .filter(name -> name.endsWith(SUFFIX) && !name.contains("-info"))
                    .map(name ->
                            name.substring(0, name.length() - SUFFIX.length()).replace('/', '.'))
                    .toList();
        }
        for (String name : names) {
            load(name, loader);
        }
    }

    /** A class that cannot be loaded now will not be missed later. */
    private static boolean load(String name, ClassLoader loader) {
        try {
            Class.forName(name, false, loader);
            return true;
        } catch (ClassNotFoundException | LinkageError e) {
            return false;
        }
    }
}
