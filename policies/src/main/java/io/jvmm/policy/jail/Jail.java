package io.jvmm.policy.jail;

import io.jvmm.policy.sys.Children;
import io.jvmm.policy.sys.ControlBlock;
import io.jvmm.policy.sys.Descriptors;
import io.jvmm.policy.sys.HostException;
import io.jvmm.policy.sys.Landlock;
import io.jvmm.policy.sys.PreparedCall;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/**
 * Starts children in their jails. A child either runs exactly as jailed as its {@link JailSpec} says, or it does not run and a
 * {@link HostException} names the step, the errno and the cure.
 *
 * <p>Any thread may call; one long-lived thread does the work, because a child's parent-death signal follows the thread that
 * created it.
 */
public final class Jail {
    private static final long NAMESPACES = ControlBlock.CLONE_NEWUSER
            | ControlBlock.CLONE_NEWNS
            | ControlBlock.CLONE_NEWPID
            | ControlBlock.CLONE_NEWNET
            | ControlBlock.CLONE_NEWIPC
            | ControlBlock.CLONE_NEWUTS
            | ControlBlock.CLONE_NEWCGROUP;
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
     */
    public static JailedProcess spawn(
            JailSpec spec, List<String> argv, Map<String, String> environment, List<FdMapping> fds) {
        return onSpawner(() -> jailed(spec, argv, environment, fds));
    }

    /** Starts {@code argv} with no jail whatsoever: for the supervisor's {@code jail = "off"} and for measurements. */
    public static JailedProcess spawnUnconfined(
            String name, List<String> argv, Map<String, String> environment, List<FdMapping> fds) {
        return onSpawner(() -> {
            try (Opened opened = new Opened()) {
                List<PreparedCall> plan = JailPlan.unconfined(argv, environment, fds, opened.forPlan());
                return run(name, plan, 0, null, opened);
            }
        });
    }

    private static JailedProcess jailed(
            JailSpec spec, List<String> argv, Map<String, String> environment, List<FdMapping> fds) {
        boolean root = Descriptors.effectiveUid() == 0;
        if (root && spec.identity() instanceof HostIdentity.SameUser) {
            throw new HostException(
                    "jail of " + spec.name(),
                    0,
                    "started as root, a jailed process needs a host uid of its own: configure a range");
        }
        if (!root && spec.identity() instanceof HostIdentity.Ids) {
            throw new HostException(
                    "jail of " + spec.name(),
                    0,
                    "only root can give a jailed process another uid: remove the uid range, or start as root");
        }
        HostFacts facts = HostFacts.read();
        try (Opened opened = new Opened()) {
            if (root) {
                for (Bind bind : spec.binds()) {
                    opened.mounts.add(Descriptors.detachedMount(bind.source(), bind.directory()));
                }
            }
            if (facts.landlockAbi() > 0) {
                opened.landlock = ruleset(spec, argv.getFirst(), facts.landlockAbi());
            }
            List<PreparedCall> plan = JailPlan.jailed(spec, argv, environment, fds, facts, opened.forPlan());
            return run(spec.name(), plan, NAMESPACES, spec.identity(), opened);
        }
    }

    private static int ruleset(JailSpec spec, String program, int abi) {
        int ruleset = Landlock.createRuleset(abi);
        try {
            for (Bind bind : spec.binds()) {
                long access = Landlock.READ_FILE | (bind.directory() ? Landlock.READ_DIR : 0);
                Landlock.allow(
                        ruleset, bind.source(), bind.kind() == Bind.Kind.PROGRAM ? access | Landlock.EXECUTE : access);
                if (program.startsWith(bind.target() + "/")) {
                    Path inside = bind.source()
                            .resolve(program.substring(bind.target().length() + 1));
                    Landlock.allow(ruleset, inside, Landlock.READ_FILE | Landlock.EXECUTE);
                } else if (program.equals(bind.target())) {
                    Landlock.allow(ruleset, bind.source(), Landlock.READ_FILE | Landlock.EXECUTE);
                }
            }
            return ruleset;
        } catch (RuntimeException e) {
            Descriptors.close(ruleset);
            throw e;
        }
    }

    private static JailedProcess run(
            String name, List<PreparedCall> plan, long namespaces, @Nullable HostIdentity identity, Opened opened) {
        int dumpable = Descriptors.dumpable();
        ControlBlock block = new ControlBlock(plan, ControlBlock.CLONE_VM | namespaces);
        long pid = block.start();
        if (pid < 0) {
            block.close();
            throw new HostException("jail of " + name + ": clone3", (int) -pid, JailCure.ofClone((int) -pid));
        }
        int pidfd = block.pidfd();
        try {
            if (identity != null) {
                writeIdMaps(pid, identity);
            }
            Descriptors.writeByte(opened.pipe[1]);
        } catch (IOException | RuntimeException e) {
            abandon(block, pidfd);
            throw new HostException("jail of " + name + ": id maps (" + e.getMessage() + ")", 0, JailCure.ofIdMaps());
        }
        if (!block.awaitDeparture(DEPARTURE_TIMEOUT_NS)) {
            String at = nameOf(block.current());
            abandon(block, pidfd);
            throw new HostException("jail step \"" + at + "\" of " + name, 0, "it did not end within 20 s");
        }
        // A change of ids in a child that shares our memory made that memory undumpable.
        Descriptors.setDumpable(dumpable == 1 ? 1 : 0);
        try (block) {
            PreparedCall last = block.current();
            if (block.stopped()) {
                Children.await(pidfd);
                Descriptors.close(pidfd);
                throw refusal(name, nameOf(last), block.stopResult());
            }
            if (last == null || !last.equals(plan.getLast())) {
                Children.Exit exit = Children.await(pidfd);
                Descriptors.close(pidfd);
                throw new HostException("jail step \"" + nameOf(last) + "\" of " + name, 0, "the child was " + exit);
            }
        }
        return new JailedProcess(name, (int) pid, pidfd);
    }

    private static HostException refusal(String process, String step, long result) {
        String what = "jail step \"" + step + "\" of " + process;
        return result < 0
                ? new HostException(what, (int) -result, JailCure.ofStep(step, (int) -result))
                : new HostException(what, 0, "it returned " + result);
    }

    private static void abandon(ControlBlock block, int pidfd) {
        Children.kill(pidfd);
        Children.await(pidfd);
        Descriptors.close(pidfd);
        block.close();
    }

    /** One id inside, one id outside. An ordinary user must give up setgroups first (user_namespaces(7)). */
    private static void writeIdMaps(long pid, HostIdentity identity) throws IOException {
        Path proc = Path.of("/proc/" + pid);
        int uid;
        int gid;
        switch (identity) {
            case HostIdentity.SameUser same -> {
                uid = Descriptors.effectiveUid();
                gid = Descriptors.effectiveGid();
                Files.writeString(proc.resolve("setgroups"), "deny");
            }
            case HostIdentity.Ids ids -> {
                uid = ids.uid();
                gid = ids.gid();
            }
        }
        Files.writeString(proc.resolve("uid_map"), HostIdentity.INSIDE_ID + " " + uid + " 1\n");
        Files.writeString(proc.resolve("gid_map"), HostIdentity.INSIDE_ID + " " + gid + " 1\n");
    }

    private static String nameOf(@Nullable PreparedCall call) {
        return call == null ? "start" : call.name();
    }

    private static JailedProcess onSpawner(java.util.concurrent.Callable<JailedProcess> work) {
        try {
            return SPAWNER.submit(work).get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                cause.addSuppressed(new IllegalStateException("asked from here"));
                throw cause;
            }
            throw new IllegalStateException("the jail's spawner failed", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while a child was being started", e);
        }
    }

    /** What the supervisor holds open for the time of one spawn. */
    private static final class Opened implements AutoCloseable {
        final int[] pipe = Descriptors.pipe();
        final List<Integer> mounts = new ArrayList<>();
        int landlock = -1;

        JailPlan.Descriptors forPlan() {
            return new JailPlan.Descriptors(pipe[0], pipe[1], landlock, mounts);
        }

        @Override
        public void close() {
            Descriptors.close(pipe[0]);
            Descriptors.close(pipe[1]);
            mounts.forEach(Descriptors::close);
            if (landlock >= 0) {
                Descriptors.close(landlock);
            }
        }
    }
}
