package io.jvmm.supervisor.launch;

import io.jvmm.ipc.sys.Clock;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.Poller;
import io.jvmm.ipc.sys.ProbeLayout;
import io.jvmm.policy.bpf.BpfProgram;
import io.jvmm.policy.bpf.PolicyCompiler;
import io.jvmm.policy.jail.JailReport;
import io.jvmm.policy.parse.Policy;
import io.jvmm.policy.probe.ProbeArgument.Known;
import io.jvmm.policy.probe.ProbeCall;
import io.jvmm.policy.probe.ProbeCatalog;
import io.jvmm.policy.probe.ProbeOutcome;
import io.jvmm.policy.probe.ProbePolicy;
import io.jvmm.policy.probe.ProbeSegment;
import io.jvmm.policy.probe.ProbeTable;
import io.jvmm.supervisor.config.VmConfig;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Tries the jails of a machine from inside. Every process is started as it always is, and closes its jail as it always does; then it
 * makes calls instead of serving. All calls that it should survive are tried in one process; each that should be its end needs a
 * process of its own. At most {@link #AT_ONCE} run at a time. One thread.
 */
public final class JailProbe {
    /** Processes at a time. */
    static final int AT_ONCE = 4;

    /** Descriptor numbers that are looked at from inside. */
    static final int DESCRIPTORS = 1024;

    private static final long TURN_NS = 20_000_000L;
    private static final long PROGRESS_NS = 5_000_000_000L;
    private static final int PLACES = 3;
    private static final long NO_DESCRIPTOR = 1023;

    private final VmConfig config;
    private final Distribution distribution;
    private final ProbeStarts starts;
    private final JailInspector inspector;
    private final Consumer<String> progress;
    private final BooleanSupplier stop;
    private final List<ProbeCall> rows = ProbeCatalog.all();
    private final boolean everything;
    private final Map<ProcessInstance, Column> columns = new LinkedHashMap<>();
    private final Deque<Job> jobs = new ArrayDeque<>();
    private final List<String> faults = new ArrayList<>();
    private final Map<String, Integer> descriptors = new LinkedHashMap<>();
    private int sibling;
    private int ended;
    private long toldNs = Clock.monotonicNs();

    /** Calls for one process. {@code first}: of its instance, so that it is looked at as well. */
    private record Job(ProcessInstance instance, List<ProbeCall> calls, boolean first) {}

    /** What is known of an instance. */
    private static final class Column {
        private final Map<ProbeCall, ProbeTable.Tried> tried = new LinkedHashMap<>();
        private final Map<Known, Long> known =
                new EnumMap<>(Map.of(Known.KVM_VM, NO_DESCRIPTOR, Known.KVM_VCPU, NO_DESCRIPTOR));
        /** As seen from outside. */
        private final Map<Integer, String> open = new TreeMap<>();

        private @Nullable ProbePolicy policy;
    }

    /**
     * Prepares.
     *
     * @param uids host uids of the machine's own; empty when the supervisor is not root
     * @param everything whether each process tries each call; else, of those that are its end, only the catalogue's core
     * @param progress told of it now and then
     * @param stop asked now and then whether to give up
     */
    public JailProbe(
            VmConfig config,
            Distribution distribution,
            Backends backends,
            List<Integer> uids,
            boolean everything,
            Consumer<String> progress,
            BooleanSupplier stop)
            throws HostLackException {
        this.config = config;
        this.distribution = distribution;
        this.starts = new ProbeStarts(config, distribution, backends, uids);
        this.inspector = new JailInspector(distribution);
        this.progress = progress;
        this.stop = stop;
        this.everything = everything;
    }

    /** Tries all that is to be tried in every process of the machine; empty when it was told to give up. */
    public Optional<ProbeTable> run() throws HostLackException {
        try (starts) {
            for (ProcessInstance instance : MachinePlan.of(config).processes()) {
                columns.put(instance, new Column());
                jobs.add(new Job(instance, List.of(), true));
            }
            if (!work()) {
                return Optional.empty();
            }
        }
        List<ProbeTable.Column> table = new ArrayList<>();
        columns.forEach((instance, column) -> {
            if (column.policy == null) {
                faults.add(instance.process() + ": it was never ready");
            } else {
                table.add(new ProbeTable.Column(instance.process(), column.policy, column.tried));
            }
        });
        return Optional.of(new ProbeTable(rows, table, everything));
    }

    /** What was found besides the table: what it holds and should not, or what never came up. */
    public List<String> faults() {
        return List.copyOf(faults);
    }

    /** How many of the descriptor numbers 0 to 1023 are open inside, by process. */
    public Map<String, Integer> openDescriptors() {
        return Map.copyOf(descriptors);
    }

    private boolean work() throws HostLackException {
        Poller poller = new Poller(AT_ONCE * PLACES);
        @Nullable ProbedProcess[] running = new @Nullable ProbedProcess[AT_ONCE];
        for (int place = 0; place < AT_ONCE * PLACES; place++) {
            poller.ignore(poller.add(Fd.of(0), 0));
        }
        Map<ProbedProcess, Job> of = new LinkedHashMap<>();
        while (!jobs.isEmpty() || !of.isEmpty()) {
            for (int slot = 0; slot < AT_ONCE; slot++) {
                ProbedProcess p = running[slot];
                if (p == null && !jobs.isEmpty()) {
                    Job job = jobs.poll();
                    p = starts.start(job.instance());
                    sibling = p.child().pid();
                    of.put(p, job);
                    running[slot] = p;
                    p.watch(poller, slot * PLACES);
                }
                if (p != null && step(p, job(of, p))) {
                    for (int place = 0; place < PLACES; place++) {
                        poller.ignore(slot * PLACES + place);
                    }
                    running[slot] = null;
                    of.remove(p);
                    starts.bury(p);
                    ended++;
                }
            }
            tell();
            if (stop.getAsBoolean()) {
                return false;
            }
            sleep(poller, running);
        }
        return true;
    }

    private static Job job(Map<ProbedProcess, Job> of, ProbedProcess p) {
        Job job = of.get(p);
        if (job == null) {
            throw new IllegalStateException("every running process has a job");
        }
        return job;
    }

    private static void sleep(Poller poller, @Nullable ProbedProcess[] running) {
        boolean may = true;
        for (ProbedProcess p : running) {
            may &= p == null || p.child().endpoint().prepareToSleep();
        }
        poller.await(may ? TURN_NS : 0);
        for (ProbedProcess p : running) {
            if (p != null) {
                p.child().endpoint().awake();
            }
        }
    }

    /** Goes on with one; true when it has ended and all is written down. */
    private boolean step(ProbedProcess p, Job job) throws HostLackException {
        p.work();
        if (p.waits()) {
            begin(p, job);
        }
        if (p.hasEnded()) {
            collect(p, job);
            return true;
        }
        return false;
    }

    /** It is ready: it is looked at, if it is the first of its instance, and told what to try. */
    private void begin(ProbedProcess p, Job job) throws HostLackException {
        Column column = column(job);
        if (job.first()) {
            look(p, column);
        }
        Map<Known, Long> known = new EnumMap<>(column.known);
        known.put(Known.SUPERVISOR, ProcessHandle.current().pid());
        known.put(Known.SIBLING, (long) sibling);
        ProbeSegment script = new ProbeSegment(p.memory(), known);
        List<ProbeCall> calls = job.first() ? survivable(job.instance(), policyOf(p, column), script) : job.calls();
        calls.forEach(script::add);
        if (job.first()) {
            script.addDescriptors(DESCRIPTORS);
        }
        p.go(script, calls);
    }

    /** The calls that should not be the end of it; each of the others becomes a job of its own. */
    private List<ProbeCall> survivable(ProcessInstance instance, ProbePolicy policy, ProbeSegment script) {
        List<ProbeCall> calls = new ArrayList<>();
        for (ProbeCall call : rows) {
            if (!policy.kills(call, script.wouldBe(call))) {
                calls.add(call);
            } else if (everything || call.core()) {
                jobs.add(new Job(instance, List.of(call), false));
            }
        }
        return calls;
    }

    private ProbePolicy policyOf(ProbedProcess p, Column column) throws HostLackException {
        ProcessInstance instance = p.child().instance();
        NarrowFilter narrow = p.child().variants().stream()
                .filter(v -> v.engine().equals(p.engine()))
                .findFirst()
                .orElseThrow()
                .filter();
        BpfProgram wide = BpfProgram.fromBytes(
                distribution.wideFilter(instance.kind(), config.jail().mode()));
        BpfProgram last = BpfProgram.fromBytes(narrow.program());
        Policy policy = distribution.source(instance.kind(), p.engine());
        if (!PolicyCompiler.compile(policy).equals(last)) {
            faults.add(instance.process() + ": its filter is not what the policy " + policy.name() + " compiles to");
        }
        ProbePolicy both = new ProbePolicy(List.of(wide, last), policy);
        column.policy = both;
        return both;
    }

    /** From outside, as before any guest runs. */
    private void look(ProbedProcess p, Column column) {
        String name = p.child().instance().process();
        try {
            JailReport report = inspector.look(p.child());
            inspector.faults(p.child(), p.engine(), report).forEach(fault -> faults.add(name + ": " + fault));
            report.descriptors().forEach((number, what) -> {
                column.open.put(number, what);
                if (what.startsWith("anon_inode:kvm-vm")) {
                    column.known.put(Known.KVM_VM, (long) number);
                } else if (what.startsWith("anon_inode:kvm-vcpu")) {
                    column.known.put(Known.KVM_VCPU, (long) number);
                }
            });
        } catch (IOException e) {
            faults.add(name + ": it cannot be looked at (" + e.getMessage() + ")");
        }
    }

    private void collect(ProbedProcess p, Job job) {
        Column column = column(job);
        ProbeSegment script = p.script();
        if (script == null) {
            faults.add(job.instance().process() + ": " + p.complaint());
            job.calls()
                    .forEach(call -> column.tried.put(
                            call, new ProbeTable.Tried(new long[6], new ProbeOutcome.Unknown(p.complaint()))));
            return;
        }
        List<ProbeCall> left = new ArrayList<>();
        for (int i = 0; i < p.calls().size(); i++) {
            ProbeCall call = p.calls().get(i);
            Optional<ProbeOutcome> outcome = p.outcome(i);
            if (outcome.isPresent()) {
                column.tried.put(call, new ProbeTable.Tried(script.arguments(i), outcome.get()));
            } else {
                left.add(call);
            }
        }
        if (!left.isEmpty()) {
            jobs.add(new Job(job.instance(), left, false));
        }
        if (job.first()) {
            compareDescriptors(job.instance().process(), column, script);
        }
    }

    /** What is open inside is what was seen from outside, of which each has been found to be one that was given. */
    private void compareDescriptors(String process, Column column, ProbeSegment script) {
        if (script.state(script.calls() - 1) != ProbeLayout.STATE_RETURNED) {
            faults.add(process + ": its descriptors were not looked at from inside");
            return;
        }
        Set<Integer> inside = new TreeSet<>(script.openDescriptors(DESCRIPTORS));
        if (!inside.equals(column.open.keySet())) {
            faults.add(process + ": inside the descriptors " + inside + " are open, outside " + column.open.keySet()
                    + " are seen");
        }
        descriptors.put(process, inside.size());
    }

    private void tell() {
        long now = Clock.monotonicNs();
        if (now - toldNs > PROGRESS_NS) {
            toldNs = now;
            progress.accept("the jails are tried from inside: " + ended + " processes so far, "
                    + (jobs.size() + AT_ONCE) + " to come");
        }
    }

    private Column column(Job job) {
        Column column = columns.get(job.instance());
        if (column == null) {
            throw new IllegalStateException("every instance has a column");
        }
        return column;
    }
}
