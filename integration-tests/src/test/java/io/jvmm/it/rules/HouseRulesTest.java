package io.jvmm.it.rules;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Rules of the house that no linter knows, held against the files of the source tree. */
class HouseRulesTest {
    /** A file is rarely over 500 lines. Those that are say here why. */
    private static final Map<String, String> LONG_FILES = Map.of(
            "vcpu-process/src/main/java/io/jvmm/vcpu/x86/decode/Op.java",
            "one enum holds every instruction",
            "vcpu-process/src/main/java/io/jvmm/vcpu/x86/interp/BranchStepsFused.java",
            "one small class for each fused pair");

    private static final int LONGEST_FILE = 520;
    /** A test may be a long list of cases. */
    private static final int LONGEST_TEST = 700;

    private static final int LONGEST_LONG_FILE = 800;

    /** The fixed top level; only dot-files join these. */
    private static final Set<String> TOP_LEVEL = Set.of(
            "README.md",
            "device-procs",
            "integration-tests",
            "ipc-protocol",
            "policies",
            "pom.xml",
            "supervisor",
            "vcpu-process");

    /** Names in XML, not places to fetch from. */
    private static final Pattern NAMESPACE =
            Pattern.compile("http://maven\\.apache\\.org/[\\w./-]*|http://www\\.w3\\.org/[\\w./-]*"
                    + "|https?://maven\\.apache\\.org/xsd/[\\w./-]*");

    private static final Pattern URL =
            Pattern.compile("(?:https?|ftp|ssh|git)://(?!localhost|127\\.|\\[|\\$|%|\\s|\\.\\.\\.)[\\w.-]+");
    private static final Pattern REGISTRY_HOST = Pattern.compile(
            "\\b(?:repo|repo1|registry|deb|security|ftp|mirrors?|proxy|archive)\\.[\\w-]+(?:\\.[\\w-]+)*\\.(?:org|com|net|io|dev)\\b");

    private static final Pattern HEADING = Pattern.compile("(?:policy|fragment|include)\\b");
    private static final Pattern REASON = Pattern.compile("because \"[^\"]{10,}\"");
    private static final Pattern NULL_MARKED = Pattern.compile("(?m)^@NullMarked$");
    private static final int SHORTEST_PACKAGE_TEXT = 60;

    private static Path root = Path.of("");
    private static List<Path> files = List.of();

    @BeforeAll
    static void find() throws IOException {
        Path at = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(at.resolve("ipc-protocol"))) {
            at = Objects.requireNonNull(at.getParent(), "run inside the source tree");
        }
        root = at;
        List<Path> found = new ArrayList<>();
        Files.walkFileTree(root, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes) {
                String name = String.valueOf(directory.getFileName());
                boolean skip = name.equals(".git") || (name.equals("target") && isModule(directory));
                return skip ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                if (attributes.isRegularFile()) {
                    found.add(file);
                }
                return FileVisitResult.CONTINUE;
            }
        });
        files = List.copyOf(found);
        assertTrue(files.size() > 50, "too few files: " + files);
    }

    private static boolean isModule(Path target) {
        return Files.exists(target.resolveSibling("pom.xml"));
    }

    private static List<Path> ending(String suffix) {
        return files.stream().filter(f -> f.toString().endsWith(suffix)).toList();
    }

    private static String relative(Path file) {
        return root.relativize(file).toString();
    }

    private static List<Path> java() {
        return ending(".java");
    }

    private static void none(String rule, List<String> offenders) {
        assertEquals("", String.join("\n", offenders), rule);
    }

    @Test
    void topLevelIsFixed() throws IOException {
        Set<String> strangers = new TreeSet<>();
        try (Stream<Path> entries = Files.list(root)) {
            entries.map(p -> p.getFileName().toString())
                    .filter(n -> !n.startsWith(".") && !n.equals("target") && !TOP_LEVEL.contains(n))
                    .forEach(strangers::add);
        }
        assertEquals(Set.of(), strangers);
    }

    @Test
    void filesAreShort() throws IOException {
        List<String> offenders = new ArrayList<>();
        for (Path file : java()) {
            long lines = Files.readString(file).lines().count();
            boolean excused = LONG_FILES.containsKey(relative(file));
            int limit =
                    excused ? LONGEST_LONG_FILE : relative(file).contains("/src/test/") ? LONGEST_TEST : LONGEST_FILE;
            if (lines > limit) {
                offenders.add(relative(file) + " has " + lines + " lines");
            } else if (excused && lines <= LONGEST_FILE) {
                offenders.add(relative(file) + " is short again: take it off the list");
            }
        }
        none("a file has at most " + LONGEST_FILE + " lines, or its reason in LONG_FILES", offenders);
    }

    @Test
    void everyPackageIntroducesItself() throws IOException {
        Set<Path> packages = new TreeSet<>();
        java().stream()
                .filter(f -> relative(f).contains("src/main/java"))
                .forEach(f -> packages.add(Objects.requireNonNull(f.getParent())));
        List<String> offenders = new ArrayList<>();
        for (Path directory : packages) {
            Path info = directory.resolve("package-info.java");
            if (!Files.exists(info)) {
                offenders.add(relative(directory) + " has no package-info.java");
                continue;
            }
            String text = Files.readString(info);
            if (!NULL_MARKED.matcher(text).find()) {
                offenders.add(relative(info) + " is not @NullMarked");
            }
            if (text.indexOf("*/") - text.indexOf("/**") < SHORTEST_PACKAGE_TEXT) {
                offenders.add(relative(info) + " does not say what the package is for");
            }
        }
        none("what for, what it may depend on, where to start", offenders);
    }

    @Test
    void noFileNamesAHost() throws IOException {
        List<String> offenders = new ArrayList<>();
        for (Path file : files) {
            int number = 0;
            for (String line : lines(file)) {
                number++;
                String rest = NAMESPACE.matcher(line.replace("\\", "")).replaceAll("");
                Matcher url = URL.matcher(rest);
                Matcher host = REGISTRY_HOST.matcher(rest);
                if (url.find() || host.find()) {
                    offenders.add(relative(file) + ":" + number + ": " + line.strip());
                }
            }
        }
        none("no file names a registry or any other host off this machine", offenders);
    }

    /** A rule of a policy without a reason cannot be reviewed. Indented lines belong to the rule above them. */
    @Test
    void everyPolicyRuleHasAReason() throws IOException {
        List<Path> policies = ending(".policy").stream()
                .filter(p -> relative(p).startsWith("policies/src/main/"))
                .toList();
        assertTrue(!policies.isEmpty(), "no policies found");
        List<String> offenders = new ArrayList<>();
        for (Path policy : policies) {
            String text = Files.readString(policy).replaceAll("\n[ \t}]+", " ");
            for (String rule : text.lines().toList()) {
                boolean names = rule.isBlank()
                        || rule.startsWith("#")
                        || HEADING.matcher(rule).lookingAt();
                if (!names && !REASON.matcher(rule).find()) {
                    offenders.add(relative(policy) + ": " + rule.strip());
                }
            }
        }
        none("every rule of a policy says why", offenders);
    }

    @Test
    void todoHasNoPlaceHere() throws IOException {
        List<String> offenders = new ArrayList<>();
        for (Path file : java()) {
            int number = 0;
            for (String line : Files.readAllLines(file)) {
                number++;
                if (line.matches(".*\\b(TODO|FIXME|XXX)\\b.*") && !file.endsWith("HouseRulesTest.java")) {
                    offenders.add(relative(file) + ":" + number);
                }
            }
        }
        none("what is not done is an issue, not a comment", offenders);
    }

    @Test
    void launchFilesExplainEveryFlag() throws IOException {
        List<Path> launches = ending(".launch");
        List<String> offenders = new ArrayList<>();
        for (Path launch : launches) {
            boolean explained = false;
            for (String line : Files.readAllLines(launch)) {
                if (line.startsWith("#")) {
                    explained = true;
                } else if (!line.isBlank() && !explained) {
                    offenders.add(relative(launch) + ": " + line);
                } else if (line.isBlank()) {
                    explained = false;
                }
            }
        }
        none("flags of a launch file stand under a comment", offenders);
    }

    private static List<String> lines(Path file) throws IOException {
        try {
            return Files.readAllLines(file);
        } catch (MalformedInputException e) {
            return List.of();
        }
    }
}
