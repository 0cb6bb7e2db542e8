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
 * PolicyTool compile DIRECTORY OUTPUT    every policy of a directory to OUTPUT/NAME.bpf, with a listing NAME.txt (the build does this)
 * PolicyTool explain FILE ...            what a policy allows, when and why
 * PolicyTool count FILE ...              one line each
 * PolicyTool dump FILE.bpf ...           a compiled filter in words
 * </pre>
 */
public final class PolicyTool {
    private PolicyTool() {}

    /**
     * Runs a command. Mistakes in policies are printed one a line.
     *
     * @throws IllegalStateException when a policy is wrong, so that the build fails; the launcher turns it into an exit code
     */
    public static void main(String[] args) throws IOException {
        if (args.length < 2) {
            throw new IllegalStateException("usage: PolicyTool compile DIRECTORY OUTPUT | explain|count|dump FILE ...");
        }
        List<Path> files = Stream.of(args).skip(1).map(Path::of).toList();
        switch (args[0]) {
            case "compile" -> compile(files.getFirst(), files.getLast());
            case "explain" -> print(files, Explanation::of);
            case "count" -> print(files, Explanation::headline);
            case "dump" -> {
                for (Path file : files) {
                    System.out.print(BpfListing.of(BpfProgram.fromBytes(Files.readAllBytes(file))));
                }
            }
            default ->
                throw new IllegalStateException("unknown command " + args[0] + "; use compile, explain, count or dump");
        }
    }

    private static void compile(Path directory, Path output) throws IOException {
        List<Path> sources;
        try (Stream<Path> all = Files.list(directory)) {
            sources = all.filter(p -> p.toString().endsWith(".policy")).sorted().toList();
        }
        Files.createDirectories(output);
        List<String> mistakes = new ArrayList<>();
        for (Path source : sources) {
            try {
                if (!PolicyParser.isFragment(source)) {
                    compileOne(PolicyParser.parse(source), output);
                }
            } catch (PolicyException | IllegalArgumentException e) {
                mistakes.add(String.valueOf(e.getMessage()));
            }
        }
        if (!mistakes.isEmpty()) {
            mistakes.forEach(System.err::println);
            throw new IllegalStateException(
                    mistakes.size() + " of the policies do not compile: " + mistakes.getFirst());
        }
    }

    private static void compileOne(Policy policy, Path output) throws IOException {
        BpfProgram program = PolicyCompiler.compile(policy);
        Files.write(output.resolve(policy.name() + ".bpf"), program.toBytes());
        Files.writeString(
                output.resolve(policy.name() + ".txt"), Explanation.of(policy) + "\n" + BpfListing.of(program));
    }

    private interface Page {
        String of(Policy policy);
    }

    private static void print(List<Path> files, Page page) throws IOException {
        for (Path file : files) {
            try {
                System.out.println(page.of(PolicyParser.parse(file)));
            } catch (PolicyException e) {
                throw new IllegalStateException(e.getMessage(), e);
            }
        }
    }
}
