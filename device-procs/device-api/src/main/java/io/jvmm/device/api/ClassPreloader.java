package io.jvmm.device.api;

import io.jvmm.ipc.sys.SysException;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Stream;

/**
 * Loads classes while it can be done: behind the narrow filter no jar can be opened, and whoever tries is killed. What is loaded
 * is everything of ours that a serving process can come to, wanted or not: a warm-up that has to think of every path forgets one.
 */
final class ClassPreloader {

    private static final String SUFFIX = ".class";
    private static final String OURS = "io/jvmm/";

    /** Parts of a device's jars that only the build, the scripted peer and tests use, by the beginning of their simple names. */
    private static final List<String> NEVER_SERVE = List.of(
            "Script",
            "StateProgram",
            "FieldFormat",
            "StateLines",
            "StatePrinter",
            "Scratch",
            "Training",
            "LiveExercise",
            "WarmUp",
            "Rehearsal",
            "Replay",
            "CoreReplay",
            "TraceFile",
            "TraceBuffer",
            "LifeSummary",
            "RecordText",
            "package-info");

    /** How states are shown is for inspectors. */
    private static final String FORMATS = "Formats" + SUFFIX;

    /** Its initialiser makes a downcall handle, which is several milliseconds that few processes need; those make it by use. */
    private static final Set<String> NOT_INITIALISED = Set.of("io.jvmm.ipc.sys.Syscall$Critical");

    /** The classes of Agrona that ours name, and those that these name where they refuse something (a test looks). */
    static final List<String> AGRONA = List.of(
            "org.agrona.AsciiEncoding",
            "org.agrona.AsciiNumberFormatException",
            "org.agrona.BitUtil",
            "org.agrona.BufferUtil",
            "org.agrona.DirectBuffer",
            "org.agrona.MutableDirectBuffer",
            "org.agrona.UnsafeApi",
            "org.agrona.concurrent.AtomicBuffer",
            "org.agrona.concurrent.UnsafeBuffer",
            "org.agrona.concurrent.ringbuffer.ManyToOneRingBuffer",
            "org.agrona.concurrent.ringbuffer.RecordDescriptor",
            "org.agrona.concurrent.ringbuffer.RingBuffer",
            "org.agrona.concurrent.ringbuffer.RingBufferDescriptor");

    private ClassPreloader() {}

    /**
     * Loads and initialises all classes of ours that the process of a device can need once it serves: of the device's jars, of
     * this one and of the protocol.
     *
     * @throws IllegalStateException when one of them cannot be: a broken distribution
     */
    static void initialiseAll(DeviceFactory device) {
        List<String> anchors = Stream.concat(device.madeOf().stream(), Stream.of(DeviceMain.class, SysException.class))
                .map(anchor -> anchor.getName().replace('.', '/') + SUFFIX)
                .toList();
        try {
            for (Path entry : classPath()) {
                if (Files.isDirectory(entry)) {
                    if (anchors.stream().anyMatch(anchor -> Files.exists(entry.resolve(anchor)))) {
                        forEachClass(entry, ClassPreloader::initialiseServing);
                    }
                } else {
                    initialiseAll(entry, anchors);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        AGRONA.forEach(ClassPreloader::initialise);
    }

    private static void initialiseAll(Path file, List<String> anchors) throws IOException {
        try (JarFile jar = new JarFile(file.toFile())) {
            if (anchors.stream().anyMatch(anchor -> jar.getEntry(anchor) != null)) {
                for (Enumeration<JarEntry> entries = jar.entries(); entries.hasMoreElements(); ) {
                    initialiseServing(entries.nextElement().getName());
                }
            }
        }
    }

    /**
     * Our jars and directories of the class path, including what the jar of {@code java -jar} names. Not by the classes' own
     * sources: a class out of the AOT cache has none.
     */
    private static List<Path> classPath() throws IOException {
        List<Path> paths = new ArrayList<>();
        String[] entries = System.getProperty("java.class.path", "").split(File.pathSeparator, -1);
        for (String entry : entries) {
            Path path = Path.of(entry).toAbsolutePath();
            if (Files.isDirectory(path) || ours(entry)) {
                paths.add(path);
            }
        }
        if (entries.length == 1 && ours(entries[0])) {
            Path directory = Path.of(entries[0]).toAbsolutePath().resolveSibling("");
            try (Stream<Path> siblings = Files.list(directory)) {
                siblings.filter(sibling -> ours(sibling.toString()) && !sibling.equals(paths.getFirst()))
                        .forEach(paths::add);
            }
        }
        return paths;
    }

    private static boolean ours(String path) {
        return path.endsWith(".jar") && path.startsWith("jvmm-", path.lastIndexOf('/') + 1);
    }

    private static boolean serves(String file) {
        if (!file.startsWith(OURS)) {
            return false;
        }
        String simple = file.substring(file.lastIndexOf('/') + 1);
        for (String beginning : NEVER_SERVE) {
            if (simple.startsWith(beginning)) {
                return false;
            }
        }
        return !simple.endsWith(FORMATS);
    }

    private static void initialiseServing(String file) {
        if (isClass(file) && serves(file)) {
            initialise(className(file));
        }
    }

    private static void initialise(String name) {
        try {
            Class.forName(name, !NOT_INITIALISED.contains(name), ClassPreloader.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Loads every class of the jar or directory some class came from, and of other people's too: for the scripted peer. */
    static void loadAllBeside(Class<?> anchor) throws IOException {
        forEachClass(source(anchor), file -> load(className(file), anchor.getClassLoader()));
    }

    private static String className(String file) {
        return file.substring(0, file.length() - SUFFIX.length()).replace('/', '.');
    }

    /** Calls with the name of every class file of a jar or directory. */
    static void forEachClass(Path source, Consumer<String> consumer) throws IOException {
        // Not through a file system of the jar: the small runtime of the distribution has none.
        if (Files.isDirectory(source)) {
            try (Stream<Path> files = Files.walk(source)) {
                files.map(file -> source.relativize(file).toString())
                        .filter(ClassPreloader::isClass)
                        .forEach(consumer);
            }
        } else {
            try (JarFile jar = new JarFile(source.toFile())) {
                jar.stream()
                        .map(JarEntry::getName)
                        .filter(ClassPreloader::isClass)
                        .forEach(consumer);
            }
        }
    }

    private static boolean isClass(String file) {
        return file.endsWith(SUFFIX) && !file.contains("-info");
    }

    /** The jar or directory a class came from. */
    static Path source(Class<?> anchor) {
        return Path.of(anchor.getProtectionDomain()
                        .getCodeSource()
                        .getLocation()
                        .getPath())
                .toAbsolutePath();
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
