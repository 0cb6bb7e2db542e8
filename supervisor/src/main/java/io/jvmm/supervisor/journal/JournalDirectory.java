package io.jvmm.supervisor.journal;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Where what lies in a journal directory. It belongs to one machine, and the recorder alone writes to it.
 *
 * <pre>
 *   DIR/block/                    a device process
 *   DIR/block/life-000012/        what one process of it did, from its first state to its end
 *   DIR/block/life-000012/life    text: {@link LifeNotes}
 *   DIR/block/life-000012/part-000/   a queue of Chronicle Queue; a recorder that comes after one that died begins the next part
 * </pre>
 */
public final class JournalDirectory {
    private static final Pattern DEVICE = Pattern.compile("[a-z][a-z0-9_-]{0,63}");
    private static final Pattern LIFE = Pattern.compile("life-([0-9]{6})");
    private static final Pattern PART = Pattern.compile("part-([0-9]{3})");
    /** What {@link Queues#fileName} makes, and nothing that steers a terminal. */
    private static final Pattern QUEUE = Pattern.compile("[0-9]{8}F?\\.cq4");

    /** Where a recorder tries everything before it begins. No device has this name, and so nobody takes it for one. */
    static final String WARM_UP = "WARM-UP";

    /** Below a journal directory, levels: a device, a life, a part, a file. Whoever goes through one goes no deeper, whatever has been put there. */
    private static final int DEEPEST = 4;

    /** In the name of what is being removed. */
    private static final String GONE = "gone-";

    /** Chronicle Queue may still be closing the files of a life that has just ended. */
    private static final Duration SETTLED = Duration.ofMinutes(1);

    private final Path directory;
    /** By their directories, lives of which nothing changes any more; of one who alone writes here. */
    private Map<Path, Life> settled = Map.of();

    /** Of each device, of the life that was begun last: a number is not used again though its life has been removed. */
    private final Map<String, Integer> lastNumbers = new HashMap<>();

    public JournalDirectory(Path directory) {
        this.directory = directory;
    }

    /** Whether a name can be a device's. */
    static boolean isDevice(String name) {
        return DEVICE.matcher(name).matches();
    }

    /**
     * Whether something in a journal directory can be of a recorder's making: the lives of a device, what is in them, and its warm-up, which is a journal
     * in it, and has none. What this is true of lies at most five levels deep, so that whoever asks it on the way down comes to an end.
     *
     * @param place where it is, seen from the journal directory
     * @param isDirectory or else an ordinary file
     */
    public static boolean isOurs(Path place, boolean isDirectory) {
        int count = place.getNameCount();
        if (!place.startsWith(WARM_UP)) {
            return isOfALife(place, isDirectory);
        }
        return count == 1 ? isDirectory : isOfALife(place.subpath(1, count), isDirectory);
    }

    private static boolean isOfALife(Path place, boolean isDirectory) {
        String last = String.valueOf(place.getFileName());
        return switch (place.getNameCount()) {
            case 1 -> isDirectory && isDevice(last);
            case 2 ->
                isDirectory && (last.startsWith(GONE) || LIFE.matcher(last).matches());
            case 3 -> !isDirectory || PART.matcher(last).matches();
            case DEEPEST -> !isDirectory;
            default -> false;
        };
    }

    /**
     * Whether something that {@link #isOurs} shows that this is a journal: a life, or a warm-up. A directory with a device's name alone may be anybody's.
     *
     * @param place where it is, seen from the journal directory
     */
    public static boolean isProof(Path place) {
        return place.getNameCount() > 1 || place.equals(Path.of(WARM_UP));
    }

    /**
     * The same for one who alone writes here: lives that are not among {@code open}, and have been left alone for a minute, are looked at once, and
     * not each time anew; there may be thousands, of many files each.
     *
     * @param open directories of lives that are written
     * @param alive called before each that is looked at
     */
    List<Life> lives(Set<Path> open, Instant now, Runnable alive) throws JournalException {
        List<Life> lives = new ArrayList<>();
        Map<Path, Life> known = new HashMap<>();
        for (Path device : devices()) {
            List<Life> own = new ArrayList<>();
            for (Path place : children(device)) {
                Matcher number = LIFE.matcher(String.valueOf(place.getFileName()));
                if (!number.matches()) {
                    continue;
                }
                Life life = open.contains(place) ? null : settled.get(place);
                if (life == null) {
                    alive.run();
                    life = read(String.valueOf(device.getFileName()), Integer.parseInt(number.group(1)), place);
                }
                own.add(life);
                if (!open.contains(place)
                        && Duration.between(life.touched(), now).compareTo(SETTLED) > 0) {
                    known.put(place, life);
                }
            }
            own.sort(Comparator.comparingInt(Life::number));
            lives.addAll(own);
        }
        settled = known;
        return lives;
    }

    /** All lives, the devices by their names, each device's in order. */
    public List<Life> lives() throws JournalException {
        List<Life> lives = new ArrayList<>();
        for (Path device : devices()) {
            lives.addAll(lives(String.valueOf(device.getFileName())));
        }
        return lives;
    }

    private List<Path> devices() throws JournalException {
        return children(directory).stream()
                .filter(d -> isDevice(String.valueOf(d.getFileName())))
                .filter(d -> Files.isDirectory(d, LinkOption.NOFOLLOW_LINKS))
                .toList();
    }

    /** The lives of one device, in order. */
    public List<Life> lives(String device) throws JournalException {
        List<Life> lives = new ArrayList<>();
        for (Path life : children(directory.resolve(device))) {
            Matcher number = LIFE.matcher(String.valueOf(life.getFileName()));
            if (number.matches() && Files.isDirectory(life, LinkOption.NOFOLLOW_LINKS)) {
                lives.add(read(device, Integer.parseInt(number.group(1)), life));
            }
        }
        lives.sort(Comparator.comparingInt(Life::number));
        return lives;
    }

    private static Life read(String device, int number, Path life) {
        Map<String, String> about = new HashMap<>();
        String fault = LifeNotes.read(life, about);
        Instant began = Instant.EPOCH;
        try {
            began = Instant.parse(about.getOrDefault(LifeNotes.BEGAN, ""));
            boolean its = about.getOrDefault(LifeNotes.DEVICE, "").equals(device)
                    && about.getOrDefault(LifeNotes.LIFE, "").equals(Integer.toString(number));
            fault = its || !fault.isEmpty() ? fault : "its text, \"life\", is of another life";
        } catch (DateTimeParseException e) {
            boolean unwritten = about.isEmpty() && !hasParts(life); // whoever began it was killed before
            fault = unwritten || !fault.isEmpty()
                    ? fault
                    : "its text, \"life\", " + (about.isEmpty() ? "is missing" : "does not say when it began");
        }
        Sizes sizes = Sizes.of(life);
        return new Life(
                device,
                number,
                life,
                about.getOrDefault(LifeNotes.RING, ""),
                began,
                sizes.bytes,
                sizes.touched,
                about.getOrDefault(LifeNotes.SEVERED, ""),
                about.getOrDefault(LifeNotes.ENDED, ""),
                FinalState.parse(about.getOrDefault(LifeNotes.STATE, "")),
                about.containsKey(LifeNotes.DRAINED),
                fault);
    }

    private static boolean hasParts(Path life) {
        try {
            return !parts(life).isEmpty();
        } catch (JournalException e) {
            return false; // whoever reads it is told
        }
    }

    /** Begins a life; {@code ring}: a word without blanks that is this ring's alone. */
    Life begin(String device, String ring, Instant now) throws JournalException {
        try {
            Path own = directory.resolve(device);
            Files.createDirectories(own);
            int number = 1
                    + children(own).stream()
                            .map(place -> LIFE.matcher(name(place)))
                            .filter(Matcher::matches)
                            .mapToInt(m -> Integer.parseInt(m.group(1)))
                            .max()
                            .orElse(0);
            number = Math.max(number, 1 + lastNumbers.getOrDefault(device, 0));
            lastNumbers.put(device, number);
            Path life = own.resolve(String.format("life-%06d", number));
            Files.createDirectory(life);
            Map<String, String> notes = new LinkedHashMap<>();
            notes.put(LifeNotes.DEVICE, device);
            notes.put(LifeNotes.LIFE, Integer.toString(number));
            notes.put(LifeNotes.RING, ring);
            notes.put(LifeNotes.BEGAN, now.toString());
            LifeNotes.begin(life, notes);
            return new Life(device, number, life, ring, now, 0, now, "", "", Optional.empty(), false, "");
        } catch (IOException e) {
            throw new JournalException("no life can be begun in the journal: " + JournalException.reason(e), e);
        }
    }

    /** The life that was read of this ring. {@code alive}: called before each that is looked at, of which there may be thousands. */
    Optional<Life> ofRing(String device, String ring, Runnable alive) throws JournalException {
        for (Path life : children(directory.resolve(device)).reversed()) {
            Matcher number = LIFE.matcher(name(life));
            if (number.matches() && Files.isDirectory(life, LinkOption.NOFOLLOW_LINKS)) {
                Life before = settled.get(life);
                Map<String, String> about = new HashMap<>();
                if (before == null) {
                    alive.run();
                    var _ = LifeNotes.read(life, about); // one that cannot be read is of no ring
                }
                if ((before == null ? about.getOrDefault(LifeNotes.RING, "") : before.ring()).equals(ring)) {
                    return Optional.of(read(device, Integer.parseInt(number.group(1)), life));
                }
            }
        }
        return Optional.empty();
    }

    /**
     * Looks whether the directory has been removed: what is open or mounted of it is still there, but nobody will find what is written to it, and nothing
     * can be made in it.
     *
     * @throws JournalException when it has been
     */
    void requireThere() throws JournalException {
        Object names = 0;
        try {
            names = Files.getAttribute(directory, "unix:nlink"); // inode(7)
        } catch (NoSuchFileException e) {
            // It has no name left.
        } catch (IOException e) {
            throw new JournalException("the journal directory cannot be looked at: " + JournalException.reason(e), e);
        }
        if (names.equals(0)) {
            throw new JournalException("the journal directory has been removed, and what was recorded in it is lost");
        }
    }

    /**
     * What a journal has too much of.
     *
     * @param go lives that must go, in this order
     * @param full directories of open lives that must not grow any more: nothing else of their devices is left to go
     * @param shareBytes what each device may have at least
     */
    record Excess(List<Life> go, Set<Path> full, long shareBytes) {}

    /**
     * What must go so that the rest keeps the bounds: lives that are over, and none of {@code open}. Of lives that are too old every one; for room the
     * oldest of the device that has most, and nothing of a device that has no more than its share, so that one that writes without end drives out
     * nobody's lives but its own. {@code alive} as of {@link #lives(Set, Instant, Runnable)}.
     */
    Excess beyond(long mostBytes, Duration oldest, Set<Path> open, Instant now, Runnable alive)
            throws JournalException {
        List<Life> go = new ArrayList<>();
        Map<String, Deque<Life>> over = new HashMap<>();
        Map<String, Long> held = new HashMap<>();
        Set<Path> full = new HashSet<>();
        List<Life> all = new ArrayList<>(lives(open, now, alive));
        all.sort(Comparator.comparing(Life::touched).thenComparingInt(Life::number));
        for (Life life : all) {
            boolean isOpen = open.contains(life.directory());
            if (!isOpen && Duration.between(life.touched(), now).compareTo(oldest) > 0) {
                go.add(life);
                continue;
            }
            held.merge(life.device(), life.bytes(), Long::sum);
            if (!isOpen) {
                over.computeIfAbsent(life.device(), _ -> new ArrayDeque<>()).add(life);
            }
        }
        long share = mostBytes / Math.max(1, held.size());
        long bytes = held.values().stream().mapToLong(Long::longValue).sum();
        while (bytes > mostBytes) {
            Optional<Life> next = over.values().stream()
                    .flatMap(d -> Optional.ofNullable(d.peek()).stream())
                    .filter(l -> held.getOrDefault(l.device(), 0L) > share)
                    .min(Comparator.comparingLong((Life l) -> -held.getOrDefault(l.device(), 0L))
                            .thenComparing(Life::touched)
                            .thenComparingInt(Life::number));
            if (next.isEmpty()) {
                all.stream()
                        .filter(l -> held.getOrDefault(l.device(), 0L) > share && open.contains(l.directory()))
                        .forEach(l -> full.add(l.directory()));
                break;
            }
            Life life = next.get();
            over.getOrDefault(life.device(), new ArrayDeque<>()).remove();
            held.merge(life.device(), -life.bytes(), Long::sum);
            bytes -= life.bytes();
            go.add(life);
        }
        return new Excess(go, full, share);
    }

    /** Removes a life: nobody sees half of one. */
    static void remove(Life life) throws JournalException {
        Path gone = life.directory().resolveSibling(GONE + life.number());
        try {
            Files.move(life.directory(), gone);
            removeTree(gone);
        } catch (IOException e) {
            throw new JournalException(life.title() + " cannot be removed: " + JournalException.reason(e), e);
        }
    }

    /** Removes what was being removed when a recorder died. */
    void removeLeftovers() throws JournalException {
        for (Path device : children(directory)) {
            if (!isDevice(String.valueOf(device.getFileName()))
                    || !Files.isDirectory(device, LinkOption.NOFOLLOW_LINKS)) {
                continue;
            }
            for (Path life : children(device)) {
                if (String.valueOf(life.getFileName()).startsWith(GONE)) {
                    try {
                        removeTree(life);
                    } catch (IOException e) {
                        throw new JournalException(life + " cannot be removed: " + JournalException.reason(e), e);
                    }
                }
            }
        }
    }

    /**
     * Removes a directory with all that is in it; links are removed, not followed.
     *
     * @throws IOException also when there is more below it than there can be in a journal directory, which is left there
     */
    static void removeTree(Path top) throws IOException {
        Files.walkFileTree(top, Set.of(), DEEPEST, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.delete(file);
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path directory, @Nullable IOException e) throws IOException {
                if (e != null) {
                    throw e;
                }
                Files.delete(directory);
                return FileVisitResult.CONTINUE;
            }
        });
    }

    /** The parts of a life, in order; not what only looks like one, such as a link to somewhere else. */
    static List<Path> parts(Path life) throws JournalException {
        return children(life).stream()
                .filter(p -> PART.matcher(name(p)).matches() && Files.isDirectory(p, LinkOption.NOFOLLOW_LINKS))
                .toList();
    }

    /** Where the next part goes. */
    static Path nextPart(Path life) throws JournalException {
        int next = 0;
        for (Path part : children(life)) {
            Matcher m = PART.matcher(name(part));
            next = m.matches() ? Integer.parseInt(m.group(1)) + 1 : next;
        }
        return life.resolve(String.format("part-%03d", next));
    }

    /** The files of a queue, in order. */
    static List<Path> queueFiles(Path part) throws JournalException {
        return children(part).stream()
                .filter(p -> QUEUE.matcher(name(p)).matches())
                .toList();
    }

    /**
     * Opens a file of a journal, which may be anybody's.
     *
     * @throws IOException when there is no file of this name: a link, a pipe and a device are none
     */
    static FileChannel openToRead(Path file) throws IOException {
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            throw new IOException(file + " is no regular file");
        }
        return FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
    }

    private static String name(Path path) {
        return String.valueOf(path.getFileName());
    }

    /** What is in a directory, by name; nothing in one that is not there. */
    private static List<Path> children(Path directory) throws JournalException {
        try (Stream<Path> all = Files.list(directory)) {
            return all.sorted().toList();
        } catch (NoSuchFileException e) {
            return List.of();
        } catch (IOException | UncheckedIOException e) {
            throw new JournalException(directory + " cannot be read: " + JournalException.reason(e), e);
        }
    }

    /** How much lies below a directory. */
    private record Sizes(long bytes, Instant touched) {
        static Sizes of(Path top) {
            long bytes = 0;
            Instant touched = Instant.EPOCH;
            try (Stream<Path> all = Files.walk(top, DEEPEST)) {
                for (Path p : (Iterable<Path>) all::iterator) {
                    BasicFileAttributes a =
                            Files.readAttributes(p, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
                    bytes += a.isRegularFile() ? onDisk(p) : 0;
                    Instant at = a.lastModifiedTime().toInstant();
                    touched = at.isAfter(touched) ? at : touched;
                }
            } catch (IOException | UncheckedIOException e) {
                // It is being removed at this moment.
            }
            return new Sizes(bytes, touched);
        }

        /** A queue's file has holes: what counts is what the disk gives it. */
        private static long onDisk(Path file) throws IOException {
            try (Fd fd = FileIo.open(file, FileIo.READ_ONLY | FileIo.NO_FOLLOW, 0)) {
                return FileIo.allocatedBytes(fd);
            } catch (SysException e) {
                throw new IOException(e.getMessage(), e);
            }
        }
    }
}
