package io.jvmm.supervisor.journal;

import io.jvmm.ipc.sys.ParentDeath;
import io.jvmm.supervisor.launch.DeviceProgram;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The program of a class of devices as a command that lives lives again: as a jail has it, with its files where they are.
 *
 * @param home of the distribution
 * @param debugPort where a Java debugger is waited for
 * @param jdk what has something for debuggers: the distribution's runtime has not
 * @param passed options for the device's program
 */
record ReplayProgram(Path home, Optional<String> debugPort, Optional<String> jdk, List<String> passed) {
    /** Of the classes of the distribution. */
    private static final String VERSION = "JAVA_VERSION=\"25";

    /**
     * The command for these lives.
     *
     * @throws JournalException when the distribution has no such program
     */
    List<String> command(String deviceClass, List<PlayedLife> lives) throws JournalException, JournalArguments.Wrong {
        Path library = home.resolve("lib");
        DeviceProgram program;
        try {
            program = DeviceProgram.read(library.resolve(deviceClass).resolve("program"));
        } catch (IOException e) {
            throw new JournalException("there is no program for " + deviceClass + ": " + e.getMessage(), e);
        }
        List<String> command = new ArrayList<>();
        command.add(java().toString());
        command.add("@" + home.resolve("launch").resolve(deviceClass + ".launch"));
        command.add("-Xmx256m"); // a life is read from a file, which no device does in service
        debugPort.ifPresent(
                port -> command.add("-agentlib:jdwp=transport=dt_socket,server=y,suspend=y,address=127.0.0.1:" + port));
        command.add("-Djvmm.home=" + home);
        command.add(ParentDeath.option());
        command.addAll(program.command(library.toString()));
        lives.forEach(life -> command.addAll(life.options()));
        command.addAll(passed);
        return command;
    }

    private Path java() throws JournalArguments.Wrong {
        return debugPort.isEmpty()
                ? home.resolve("runtime/bin/java")
                : requireDebugger(jdk).resolve("bin/java");
    }

    /**
     * The JDK that a debugger needs.
     *
     * @param jdk what JAVA_HOME says
     */
    static Path requireDebugger(Optional<String> jdk) throws JournalArguments.Wrong {
        String needed = "--debug needs a JDK 25, which JAVA_HOME names: ";
        if (jdk.isEmpty() || jdk.get().isEmpty()) {
            throw new JournalArguments.Wrong(needed + "it is not set.");
        }
        Path home = Path.of(jdk.get());
        if (!Files.isReadable(home.resolve("lib/libjdwp.so")) || !Files.isExecutable(home.resolve("bin/java"))) {
            throw new JournalArguments.Wrong(needed + home + " is none.");
        }
        List<String> release;
        try {
            release = Files.readAllLines(home.resolve("release"));
        } catch (IOException e) {
            release = List.of();
        }
        if (release.stream().noneMatch(line -> line.startsWith(VERSION))) {
            throw new JournalArguments.Wrong(needed + home + " is of another version.");
        }
        return home;
    }
}
