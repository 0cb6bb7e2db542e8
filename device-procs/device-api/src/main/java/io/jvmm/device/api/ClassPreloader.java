package io.jvmm.device.api;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
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
        // Not through a file system of the jar: the small runtime of the distribution has none.
        if (Files.isDirectory(source)) {
            try (Stream<Path> files = Files.walk(source)) {
                load(files.map(file -> source.relativize(file).toString()).toList(), anchor.getClassLoader());
            }
        } else {
            try (JarFile jar = new JarFile(source.toFile())) {
                load(jar.stream().map(JarEntry::getName).toList(), anchor.getClassLoader());
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

    private static void load(List<String> files, ClassLoader loader) {
        for (String file : files) {
            if (file.endsWith(SUFFIX) && !file.contains("-info")) {
                load(file.substring(0, file.length() - SUFFIX.length()).replace('/', '.'), loader);
            }
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
