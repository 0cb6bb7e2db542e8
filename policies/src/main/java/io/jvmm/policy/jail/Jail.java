package io.jvmm.policy.jail;

import io.jvmm.ipc.sys.ExitStatus;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Pidfd;
import io.jvmm.ipc.sys.Pipe;
import io.jvmm.ipc.sys.Signals;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.policy.sys.ControlBlock;
import io.jvmm.policy.sys.Host;
import io.jvmm.policy.sys.Landlock;
import io.jvmm.policy.sys.PreparedCall;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Starts children in their jails. A child either runs exactly as jailed as its {@link JailSpec} says, or it does not run and a
 * {@link JailException} names the step, the errno and the cure.
 *
 * <p>Any thread may call, several at once; one long-lived thread creates all children, because a child's parent-death signal
 * follows the thread that created it.
 */
public final class Jail {
    private static final long NAMESPACES = ControlBlock.CLONE_NEWUSER
            | ControlBlock.CLONE_NEWNS
            | ControlBlock.CLONE_NEWPID
            | ControlBlock.CLONE_NEWNET
            | ControlBlock.CLONE_NEWIPC
            | ControlBlock.CLONE_NEWUTS
            | ControlBlock.CLONE_NEWCGROUP;
    /** Asked for here so that {@link JailCure} is loaded: when there are no descriptors left, which it has a cure for, no class can be. */
    private static final String NO_LANDLOCK = JailCure.ofLandlock();

    private static final long DEPARTURE_TIMEOUT_NS = 20_000_000_000L;
    private static final ExecutorService SPAWNER = Executors.newSingleThreadExecutor(
            Thread.ofPlatform().name("jail-spawner").daemon(true).factory());

    private Jail() {}

    /**
     * Starts {@code argv} in a jail.
     *
     * @param argv argv[0] is a path inside the jail
     * @param environment the whole environment
     * @param fds what the child holds at its start; 0, 1 and 2 must be among them
     * @throws JailException when the host refuses; nothing is left running
     */
    public static JailedProcess spawn(
            JailSpec spec, List<String> argv, Map<String, String> environment, List<FdMapping> fds) {
        HostFacts facts = HostFacts.read();
        try (Opened opened = prepare(spec, argv.getFirst(), facts)) {
            return run(
                    spec.name(),
                    () -> JailPlan.jailed(spec, argv, environment, fds, facts, opened.forPlan()),
                    NAMESPACES,
                    spec.identity(),
                    opened);
        }
    }

    /**
     * Does everything {@link #spawn} does except creating the child, and undoes it: for {@code --check}, since most refusals show
     * here, and for measurements.
     */
    public static void rehearse(
            JailSpec spec, List<String> argv, Map<String, String> environment, List<FdMapping> fds) {
        HostFacts facts = HostFacts.read();
        try (Opened opened = prepare(spec, argv.getFirst(), facts)) {
            List<PreparedCall> plan = JailPlan.jailed(spec, argv, environment, fds, facts, opened.forPlan());
            new ControlBlock(plan, ControlBlock.CLONE_VM | NAMESPACES).close();
        }
    }

    /** Starts {@code argv} with no jail whatsoever: for measurements, and for tests of what runs in jails. */
    public static JailedProcess spawnUnconfined(
            String name, List<String> argv, Map<String, String> environment, List<FdMapping> fds) {
        try (Opened opened = new Opened()) {
            return run(name, () -> JailPlan.unconfined(argv, environment, fds, opened.forPlan()), 0, null, opened);
        }
    }

    /**
     * The same, where the child finds one file in another's place: it is in a mount namespace of its own, and an ordinary user's in
     * a user namespace too, without a capability.
     *
     * @param file takes the place; it may be deleted afterwards
     * @param place of a file that is there
     */
    public static JailedProcess spawnUnconfined(
            String name,
            List<String> argv,
            Map<String, String> environment,
            List<FdMapping> fds,
            Path file,
            Path place) {
        boolean root = Host.effectiveUid() == 0;
        try (Opened opened = new Opened()) {
            return run(
                    name,
                    () -> JailPlan.unconfined(argv, environment, fds, opened.forPlan(), file, place),
                    root ? ControlBlock.CLONE_NEWNS : ControlBlock.CLONE_NEWNS | ControlBlock.CLONE_NEWUSER,
                    root ? null : HostIdentity.sameUser(),
                    opened);
        }
    }

    private static void checkIdentity(JailSpec spec, boolean root) {
        if (root && spec.identity() instanceof HostIdentity.SameUser) {
            throw new JailException(
                    spec.name(),
                    "identity",
                    "started as root, it needs a host uid of its own",
                    "configure a uid range");
        }
        if (!root && spec.identity() instanceof HostIdentity.Ids) {
            throw new JailException(
                    spec.name(),
                    "identity",
                    "only root can give it another uid",
                    "remove the uid range, or start as root");
        }
    }

    static Opened prepare(JailSpec spec, String program, HostFacts facts) {
        boolean root = Host.effectiveUid() == 0;
        checkIdentity(spec, root);
        if (facts.landlockAbi() == 0 && spec.landlock() == JailSpec.Landlocked.REQUIRED) {
            throw new JailException(
                    spec.name(), "landlock", "this kernel has no Landlock, or has it switched off", NO_LANDLOCK);
        }
        Opened opened = new Opened();
        String step = "bind sources";
        try {
            if (root) {
                for (Bind bind : spec.binds()) {
                    opened.mounts.add(Host.detachedMount(bind.source(), bind.directory()));
                }
            }
            step = "landlock";
            if (facts.landlockAbi() > 0) {
                opened.landlock = Landlock.createRuleset(facts.landlockAbi());
                for (Bind bind : spec.binds()) {
                    allow(opened.landlock, bind, program);
                }
            }
            return opened;
        } catch (SysException e) {
            opened.close();
            throw new JailException(spec.name(), step, e);
        }
    }

    /** Reading for every bind, writing in a store, executing for programs and for the one file that execve is called with. */
    private static void allow(Fd ruleset, Bind bind, String program) {
        long execute = Landlock.READ_FILE | Landlock.EXECUTE;
        if (bind.kind() == Bind.Kind.STORE) {
            Landlock.allow(ruleset, bind.source(), Landlock.store(Landlock.abi()));
        } else if (bind.directory()) {
            Landlock.allow(ruleset, bind.source(), Landlock.READ_FILE | Landlock.READ_DIR);
            if (program.startsWith(bind.target() + "/")) {
                String inside = program.substring(bind.target().length() + 1);
                Landlock.allow(ruleset, bind.source().resolve(inside), execute);
            }
        } else {
            boolean started = bind.kind() == Bind.Kind.PROGRAM || program.equals(bind.target());
            Landlock.allow(ruleset, bind.source(), started ? execute : Landlock.READ_FILE);
        }
    }

    private static JailedProcess run(
            String name,
            Supplier<List<PreparedCall>> plan,
            long namespaces,
            @Nullable HostIdentity identity,
            Opened opened) {
        SharedMemory.enter();
        try {
            Created child = onSpawner(() -> create(name, plan.get(), namespaces));
            letGo(name, child, identity, opened);
            try (ControlBlock block = child.block()) {
                checkOutcome(name, block, child.execve(), child.pidfd());
            }
            return new JailedProcess(name, child.pidfd());
        } finally {
            SharedMemory.leave();
        }
    }

    /** A child that waits for its id maps. */
    private record Created(ControlBlock block, PreparedCall execve, Pidfd pidfd) {}

    private static Created create(String name, List<PreparedCall> plan, long namespaces) {
        ControlBlock block = new ControlBlock(plan, ControlBlock.CLONE_VM | namespaces);
        long pid = block.start();
        if (pid < 0) {
            block.close();
            throw new JailException(name, "clone3", (int) -pid, JailCure.ofClone((int) -pid));
        }
        return new Created(block, plan.getLast(), Pidfd.of((int) pid, Fd.of(block.pidfd())));
    }

    /** Writes the id maps, lets the child walk its table, and waits until it has left our memory. */
    private static void letGo(String name, Created child, @Nullable HostIdentity identity, Opened opened) {
        try {
            if (identity != null) {
                writeIdMaps(name, child.pidfd().pid(), identity);
            }
            opened.go(name);
            if (!child.block().awaitDeparture(DEPARTURE_TIMEOUT_NS)) {
                throw new JailException(name, nameOf(child.block().current()), "it did not end within 20 s", "");
            }
        } catch (RuntimeException e) {
            abandon(name, child, e);
            throw e;
        }
    }

    /** The child has left our memory: by execve, or it is dead. */
    private static void checkOutcome(String name, ControlBlock block, PreparedCall execve, Pidfd pidfd) {
        PreparedCall last = block.current();
        if (!block.stopped() && execve.equals(last)) {
            return;
        }
        String step = nameOf(last);
        // It has left our memory and is ending by itself.
        Optional<ExitStatus> status = pidfd.await(JailedProcess.DYING_NS);
        int pid = pidfd.pid();
        pidfd.close();
        if (!block.stopped()) {
            throw new JailException(
                    name, step, status.map(s -> "the child was " + s).orElse("the child hangs, pid " + pid), "");
        }
        long result = block.stopResult();
        if (result < 0) {
            throw new JailException(name, step, (int) -result, JailCure.ofStep(step, (int) -result));
        }
        throw new JailException(name, step, "it returned " + result, "");
    }

    private static void abandon(String name, Created child, RuntimeException why) {
        child.pidfd().signal(Signals.SIGKILL);
        if (child.pidfd().await(JailedProcess.DYING_NS).isEmpty()) {
            // The block stays: a child that has not left it still uses it.
            throw new StuckProcessException(name, child.pidfd().pid(), why);
        }
        child.pidfd().close();
        child.block().close();
    }

    /** One id inside, one id outside. An ordinary user must give up setgroups first (user_namespaces(7)). */
    private static void writeIdMaps(String name, long pid, HostIdentity identity) {
        Path proc = Path.of("/proc/" + pid);
        int uid;
        int gid;
        switch (identity) {
            case HostIdentity.SameUser same -> {
                uid = Host.effectiveUid();
                gid = Host.effectiveGid();
                write(name, proc.resolve("setgroups"), "deny");
            }
            case HostIdentity.Ids ids -> {
                uid = ids.uid();
                gid = ids.gid();
            }
        }
        write(name, proc.resolve("uid_map"), HostIdentity.INSIDE_ID + " " + uid + " 1\n");
        write(name, proc.resolve("gid_map"), HostIdentity.INSIDE_ID + " " + gid + " 1\n");
    }

    private static void write(String name, Path file, String text) {
        try {
            Files.writeString(file, text);
        } catch (NoSuchFileException e) {
            throw new JailException(name, "write " + file, e, "");
        } catch (IOException e) {
            throw new JailException(name, "write " + file, e, JailCure.ofIdMaps());
        }
    }

    private static String nameOf(@Nullable PreparedCall call) {
        return call == null ? "start" : call.name();
    }

    /** An interrupt does not stop the creation of a child, which would leak it; it is kept for the caller. */
    private static Created onSpawner(Callable<Created> create) {
        Future<Created> result = SPAWNER.submit(create);
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return result.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    if (e.getCause() instanceof RuntimeException cause) {
                        throw cause;
                    }
                    throw new IllegalStateException("the jail's spawner failed", e.getCause());
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /**
     * A change of ids in a child that shares our memory makes that memory undumpable, which is as well while the child is there: no
     * process of the child's new uid can look into it. When the last child has left, the supervisor gets its own setting back.
     */
    private static final class SharedMemory {
        private static int children;
        private static int dumpable;

        static synchronized void enter() {
            if (children++ == 0) {
                dumpable = Host.dumpable();
            }
        }

        static synchronized void leave() {
            if (--children == 0 && dumpable == 1) {
                Host.setDumpable(true);
            }
        }
    }

    /** What the supervisor holds open for the time of one spawn. */
    static final class Opened implements AutoCloseable {
        private final List<Fd> mounts = new ArrayList<>();
        private final Pidfd supervisor =
                Pidfd.open((int) ProcessHandle.current().pid());
        private @Nullable Fd landlock;
        private @Nullable Pipe pipe;

        /**
         * Makes the pipe as well. That happens on the spawner, one child after the other: a child then inherits the pipes of those
         * before it but never the reverse, so that a supervisor's death shows as end of file to the last one first, and then to all.
         */
        JailPlan.Descriptors forPlan() {
            Pipe made = Pipe.create();
            pipe = made;
            return new JailPlan.Descriptors(
                    made.reader().number(),
                    made.writer().number(),
                    supervisor.fd().number(),
                    landlock == null ? -1 : landlock.number(),
                    mounts.stream().map(Fd::number).toList());
        }

        /** Lets the child go on. */
        void go(String name) {
            if (pipe == null) {
                throw new IllegalStateException("no child was made");
            }
            try {
                Host.writeByte(pipe.writer());
            } catch (SysException e) {
                throw new JailException(name, "let it go", e);
            }
        }

        @Override
        public void close() {
            supervisor.close();
            mounts.forEach(Fd::close);
            if (pipe != null) {
                pipe.close();
            }
            if (landlock != null) {
                landlock.close();
            }
        }
    }
}
