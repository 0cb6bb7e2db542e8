package io.jvmm.policy.bpf;

import io.jvmm.policy.parse.Policy;
import io.jvmm.policy.parse.PolicyException;
import io.jvmm.policy.parse.PolicyParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * The command behind the policies.
 *
 * <pre>
 * PolicyTool compile DIRECTORY OUTPUT    every policy of a directory to OUTPUT/NAME.bpf, with a listing NAME.txt
 * PolicyTool explain FILE ...            what a policy allows, when and why
 * PolicyTool count FILE ...              one line each
 * PolicyTool dump FILE.bpf ...           a compiled filter in words
 * </pre>
 *
 * Fragments among the files are passed over. Exit code 2 for a mistake, in a policy or on the command line.
 */
public final class PolicyTool {
    private static final String USAGE = "usage: PolicyTool compile DIRECTORY OUTPUT | explain|count|dump FILE ...";

    private PolicyTool() {}

    public static void main(String[] args) throws IOException {
        List<String> mistakes = run(args);
        mistakes.forEach(System.err::println);
        if (!mistakes.isEmpty()) {
            System.exit(2);
        }
    }

    /** The build's way in: exec-maven-plugin runs it inside Maven, which System.exit would end. */
    public static final class InBuild {
        private InBuild() {}

        public static void main(String[] args) throws IOException {
            List<String> mistakes = run(args);
            mistakes.forEach(System.err::println);
            if (!mistakes.isEmpty()) {
                throw new IllegalStateException(
                        mistakes.size() + " of the policies do not compile: " + mistakes.getFirst());
            }
        }
    }

    /** Runs a command and returns the mistakes it met, one line each. */
    static List<String> run(String... args) throws IOException {
        if (args.length < 2) {
            return List.of(USAGE);
        }
        List<Path> files = Stream.of(args).skip(1).map(Path::of).toList();
        return switch (args[0]) {
            case "compile" -> compile(files.getFirst(), files.getLast());
            case "explain" -> each(files, policy -> System.out.println(Explanation.of(policy)));
            case "count" -> each(files, policy -> System.out.println(Explanation.headline(policy)));
            case "dump" -> {
                for (Path file : files) {
                    System.out.print(BpfListing.of(BpfProgram.fromBytes(Files.readAllBytes(file))));
                }
                yield List.of();
            }
            default -> List.of("unknown command " + args[0] + "; " + USAGE);
        };
    }

    private static List<String> compile(Path directory, Path output) throws IOException {
        List<Path> sources;
        try (Stream<Path> all = Files.list(directory)) {
            sources = all.filter(p -> p.toString().endsWith(".policy")).sorted().toList();
        }
        Files.createDirectories(output);
        return each(sources, policy -> {
            BpfProgram program = PolicyCompiler.compile(policy);
            Files.write(output.resolve(policy.name() + ".bpf"), program.toBytes());
            Files.writeString(
                    output.resolve(policy.name() + ".txt"), Explanation.of(policy) + "\n" + BpfListing.of(program));
        });
    }

    private interface Work {
        void on(Policy policy) throws IOException;
    }

    private static List<String> each(List<Path> files, Work work) throws IOException {
        List<String> mistakes = new ArrayList<>();
        for (Path file : files) {
            try {
                if (!PolicyParser.isFragment(file)) {
                    work.on(PolicyParser.parse(file));
                }
            } catch (PolicyException | IllegalArgumentException e) {
                mistakes.add(String.valueOf(e.getMessage()));
            }
        }
        return mistakes;
    }
}
