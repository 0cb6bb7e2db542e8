package io.jvmm.supervisor.journal;

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
 * @param passed options for the device's program
 */
record ReplayProgram(Path home, Optional<String> debugPort, List<String> passed) {
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
        command.addAll(program.command(library.toString()));
        lives.forEach(life -> command.addAll(life.options()));
        command.addAll(passed);
        return command;
    }

    /** The distribution's runtime has nothing for debuggers. */
    private Path java() throws JournalArguments.Wrong {
        if (debugPort.isEmpty()) {
            return home.resolve("runtime/bin/java");
        }
        String jdk = System.getenv("JAVA_HOME");
        if (jdk == null || !Files.isReadable(Path.of(jdk, "lib", "libjdwp.so"))) {
            throw new JournalArguments.Wrong("--debug needs a JDK 25. Set JAVA_HOME to one.");
        }
        return Path.of(jdk, "bin", "java");
    }
}
