package io.jvmm.device.api;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.link.LinkLayout;
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** The life of a device process; {@link #run} is its main. */
public final class DeviceMain {

    private DeviceMain() {}

    /**
     * Runs a device process from its first instruction to its last. Does not return: the process ends with
     * {@code Runtime.halt} and a code of {@link ProcessExit}, because an orderly exit opens files.
     *
     * @param args none, in a device process under its supervisor; {@code --script FILE|-} and
     *     {@code --jail=off|log|enforce} to run the device alone under the scripted peer; {@code --replay FILE} to live a
     *     recorded life again; {@code --train}, for the build, to live a whole life against a scratch supervisor and return;
     *     {@code --versions}, for the build too, to say them; {@code --inspect}, for inspectors, to read states
     */
    public static void run(String[] args, DeviceFactory factory) {
        if (args.length == 1 && args[0].equals("--train")) {
            Training.run(factory); // returns: the virtual machine writes its AOT cache on an orderly end
            return;
        }
        if (args.length == 1 && args[0].equals("--versions")) {
            System.out.print(versions(factory));
            return;
        }
        if (args.length == 1 && args[0].equals("--inspect")) {
            inspect(factory);
            return;
        }
        ProcessExit exit;
        try {
            if (args.length == 0) {
                exit = preloaded(factory);
            } else if (args[0].equals("--replay")) {
                exit = ReplayMain.run(args, factory, System.out);
            } else {
                exit = ScriptMain.run(args, factory);
            }
        } catch (StageException e) {
            boolean command = e.exit() == ProcessExit.BAD_CONFIGURATION && args.length > 0; // not that of a machine
            String meaning = command ? "" : e.exit().meaning() + ": ";
            System.err.println(factory.identity().name() + ": " + meaning + e.getMessage());
            exit = e.exit();
        } catch (Throwable e) { // whatever it is, the supervisor must see the code of a bug, not a hanging process
            e.printStackTrace();
            exit = ProcessExit.INTERNAL_ERROR;
        }
        System.out.flush();
        System.err.flush();
        Runtime.getRuntime().halt(exit.code());
    }

    /** What a distribution says of the program, for those who want to upgrade a running machine: supervisor/CONTROL.md. */
    static String versions(DeviceFactory factory) {
        String program = factory.madeOf().getLast().getPackage().getImplementationVersion();
        return "protocol=" + LinkLayout.MAJOR + "." + LinkLayout.MINOR + "\nstate="
                + factory.identity().stateVersion() + "\n"
                + (program == null ? "" : "program=" + program + "\n");
    }

    private static void inspect(DeviceFactory factory) {
        PrintStream out = new PrintStream(
                new BufferedOutputStream(new FileOutputStream(FileDescriptor.out)), false, StandardCharsets.UTF_8);
        try {
            StateProgram.run(
                    factory, new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)), out);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static ProcessExit preloaded(DeviceFactory factory) {
        DeviceProcess process = DeviceProcess.receive(factory);
        ClassPreloader.initialiseAll(factory);
        return live(process, factory);
    }

    /**
     * The stages, after the descriptors and the configuration have been received; from each to the next the process gives
     * up what it no longer needs.
     */
    static ProcessExit live(DeviceProcess process, DeviceFactory factory) {
        process.mapSupervisor(); //                     the link to the supervisor
        if (process.exports()) {
            return convert(process);
        }
        return process.standby() ? spare(process, factory) : device(process, factory);
    }

    private static ProcessExit device(DeviceProcess process, DeviceFactory factory) {
        process.map(); //                               link, state adopted or created, core
        WarmUp.run(factory); //                         every class and every hot path, on a scratch machine
        return closeAndServe(process);
    }

    /** A spare is warm before it knows whom it will serve. */
    private static ProcessExit spare(DeviceProcess process, DeviceFactory factory) {
        WarmUp.runAndRehearse(factory); //              and the taking over, on scratch objects
        process.closeUnused();
        byte[] filterHash = process.closeStandbyJail(); // a filter for the wait and for taking over
        process.ready(filterHash, threads()); //        the supervisor audits from outside, and keeps us
        ProcessExit end = process.awaitAssignment(); // until somebody has died, or nobody will any more
        if (end != null) {
            return end;
        }
        process.map();
        return closeAndServe(process);
    }

    private static ProcessExit closeAndServe(DeviceProcess process) {
        process.closeUnused(); //                       descriptors nobody asked for
        byte[] filterHash = process.closeJail(); //     narrow filter on all threads
        process.ready(filterHash, threads()); //        the supervisor audits from outside, then starts us
        return process.serve(); //                      until STOP, or until the supervisor is gone
    }

    /** Not a device at all: one state in, one state out. */
    private static ProcessExit convert(DeviceProcess process) {
        process.export();
        process.closeUnused();
        process.ready(process.closeJail(), threads());
        return process.awaitStop();
    }

    /** Java threads of this process; the supervisor counts all of them from outside. */
    static int threads() {
        return Thread.getAllStackTraces().size();
    }
}
