package io.jvmm.supervisor.launch;

import io.jvmm.ipc.boot.BootRecord;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.ipc.sys.SystemInfo;
import io.jvmm.policy.jail.JailAudit;
import io.jvmm.policy.jail.JailException;
import io.jvmm.policy.jail.JailReport;
import io.jvmm.supervisor.config.JournalConfig;
import io.jvmm.supervisor.config.VmConfig;
import io.jvmm.supervisor.journal.RecorderWords;
import io.jvmm.supervisor.sys.OpenFileLock;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What is recorded of the devices of one life of a machine. */
final class MachineRecording implements Recording, AutoCloseable {
    /** Where the recorder's root has the journal directory. */
    static final String STORE = "/journal";

    static final String LOCK = "lock";
    private static final int LOCK_MODE = 0600;

    private final VmConfig config;
    private final Distribution distribution;
    private final ProcessStarter starter;
    private final Map<ProcessInstance, DeviceResources> devices;
    private final RecordingWishes recorded;
    private final Set<Trace> made = new LinkedHashSet<>();
    /** Of the last recorder that was looked at. */
    private @Nullable JailReport lastReport;
    /** Held from the first recorder on; by whichever thread starts one. */
    private volatile @Nullable Fd lock;

    /** @param devices filled later */
    MachineRecording(
            VmConfig config,
            RecordingWishes wishes,
            Distribution distribution,
            ProcessStarter starter,
            Map<ProcessInstance, DeviceResources> devices) {
        this.config = config;
        this.distribution = distribution;
        this.starter = starter;
        this.devices = devices;
        this.recorded = wishes;
    }

    /** The trace of a process that a device is about to be given to, if it is to have one. */
    Optional<Trace> next(ProcessInstance device, Handover how) throws HostLackException {
        if (how.broken() || !recorded.has(device)) {
            return Optional.empty();
        }
        Trace trace = ProcessStarter.made("a trace ring for " + device.process(), () -> Trace.create(device));
        made.removeIf(t -> !t.fd().isOpen()); // those that the recorder is done with
        made.add(trace);
        return Optional.of(trace);
    }

    @Override
    public boolean isPossible() {
        return config.journal().isPossible();
    }

    @Override
    public boolean isRecorded(ProcessInstance device) {
        return recorded.has(device);
    }

    @Override
    public void record(ProcessInstance device, boolean on) {
        recorded.set(device, on);
    }

    @Override
    public Optional<Trace> trace(ProcessInstance device) {
        return Optional.ofNullable(devices.get(device)).flatMap(DeviceResources::trace);
    }

    private Path directory() {
        return config.journal().directory().orElseThrow();
    }

    @Override
    public StartedProcess startRecorder() throws HostLackException {
        try {
            return starter.startRecorder(distribution, directory(), this::own);
        } catch (JailException | SysException | UncheckedIOException e) {
            throw new HostLackException(String.valueOf(e.getMessage()), e);
        }
    }

    /** Makes the directory, and gives it with all that is in it to the recorder's uid. There is no recorder now. */
    private void own(OptionalInt uid) throws HostLackException {
        Path directory = directory();
        Optional<String> obstacle = (!isLocked() ? JournalPlace.occupied(directory) : Optional.<String>empty())
                .or(() -> JournalPlace.obstacle(directory, config.jail().uidRange()));
        if (obstacle.isPresent()) {
            throw new HostLackException(obstacle.get());
        }
        try {
            if (!Files.exists(directory)) {
                // Parts of the guest's memory will be in it.
                Files.createDirectories(
                        directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            }
            lock();
            if (uid.isPresent()) {
                give(directory, uid.getAsInt());
            }
        } catch (IOException e) {
            throw new HostLackException("the journal directory " + directory + " cannot be had: " + e, e);
        }
    }

    private void give(Path directory, int uid) throws IOException, HostLackException {
        try (JournalTree tree = JournalTree.open(directory, config.jail().uidRange())) {
            Optional<String> fault = tree.fault(); // of what is given, whatever has its name
            if (fault.isPresent()) {
                throw new HostLackException(fault.get());
            }
            tree.give(uid);
        }
    }

    /** Two machines in one directory would count the same lives. */
    private void lock() throws HostLackException {
        if (isLocked()) {
            return;
        }
        Fd before = lock;
        if (before != null) {
            lock = null;
            before.close();
        }
        Fd file =
                FileIo.open(directory().resolve(LOCK), FileIo.READ_WRITE | FileIo.CREATE | FileIo.NO_FOLLOW, LOCK_MODE);
        if (!OpenFileLock.tryLock(file, true)) {
            file.close();
            throw new HostLackException(JournalPlace.occupiedWords(directory()));
        }
        lock = file;
    }

    /** Whether it is: what is locked may have been removed meanwhile, and the directory with it. */
    private boolean isLocked() {
        Fd held = lock;
        try {
            return held != null
                    && Files.isSameFile(
                            Path.of("/proc/self/fd/" + held.number()),
                            directory().resolve(LOCK));
        } catch (IOException e) {
            return false;
        }
    }

    @Override
    public BootRecord recorderRecord(StartedProcess recorder) {
        JournalConfig journal = config.journal();
        return BootRecord.builder()
                .put(RecorderWords.DIRECTORY, STORE)
                .put(RecorderWords.BOUNDS_BYTES, journal.maxBytes())
                .put(RecorderWords.BOUNDS_AGE_S, journal.maxAge().toSeconds())
                .put(RecorderWords.LIFE_BYTES, journal.lifeBytes())
                .put(RecorderWords.JAIL, config.jail().mode().word())
                .put(
                        RecorderWords.NARROW,
                        recorder.variants().getFirst().filter().program())
                .build();
    }

    @Override
    public List<String> recorderFaults(StartedProcess recorder, String filterHash) {
        JailReport report;
        try {
            report = JailAudit.inspect(
                    recorder.instance().process(), recorder.process().pid(), true);
            lastReport = report;
        } catch (IOException e) {
            return List.of("it cannot be looked at: " + e.getMessage());
        }
        List<String> faults = new ArrayList<>(report.weaknesses(ChildProcess.WIDE_AND_ONE, Set.of(STORE)));
        recorder.uid().ifPresent(uid -> {
            if (!report.field("Uid").startsWith(uid + " ")
                    && !report.field("Uid").startsWith(uid + "\t")) {
                faults.add("runs under uid " + report.field("Uid") + ", not " + uid);
            }
        });
        for (String mount : report.mounts()) {
            String place = mount.substring(0, mount.indexOf(' '));
            if (!place.equals("/") && !recorder.mounts().contains(place)) {
                faults.add("has a mount that its jail does not have: " + mount);
            }
        }
        Variant variant = recorder.variants().getFirst();
        List<String> installed = report.details().filterHashes();
        String last = installed.isEmpty() ? filterHash : installed.getLast();
        if (!last.matches("[0-9a-f]{64}")
                || !variant.filter().hasHash(HexFormat.of().parseHex(last))) {
            faults.add("its filter is not the compiled policy, but " + last);
        }
        return faults;
    }

    @Override
    public Optional<JailReport> recorderReport() {
        return Optional.ofNullable(lastReport);
    }

    @Override
    public void forget(StartedProcess recorder) {
        starter.forget(recorder);
    }

    /** How many uids the recorder needs. */
    static int uidsNeeded(VmConfig config) {
        return config.journal().isPossible() && SystemInfo.effectiveUid() == 0 ? 1 : 0;
    }

    @Override
    public void close() {
        made.forEach(Trace::close);
        made.clear();
        Fd held = lock;
        if (held != null) {
            held.close();
        }
    }
}
