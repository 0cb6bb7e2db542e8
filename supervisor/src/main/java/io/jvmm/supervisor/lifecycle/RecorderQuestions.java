package io.jvmm.supervisor.lifecycle;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What the recorder has been asked and has not answered yet. Each question has its own deadline, and whatever is heard of the recorder moves them all:
 * it answers in the order of what it was told, and says that it lives in the midst of something long, so that one that is behind is no one that hangs.
 * Nobody waits for an answer for ever all the same: one that says nothing but that it lives leaves whoever asked without one. Event-loop thread only.
 *
 * @param <A> an answer
 */
final class RecorderQuestions<A> {
    /** So long it may be silent at least: it may be in the middle of writing, or of removing lives. */
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    /** And so long whoever asks waits at most. */
    private static final long LAST_NS = 3 * PATIENCE.toNanos();

    private final long patienceNs;
    /** By their numbers; the oldest first. */
    private final Map<Long, Question<A>> open = new LinkedHashMap<>();

    private long nextId;

    private static final class Question<A> {
        private final Consumer<Optional<A>> asker;
        private final long lastNs;
        private long deadlineNs;

        Question(Consumer<Optional<A>> asker, long deadlineNs, long lastNs) {
            this.asker = asker;
            this.deadlineNs = deadlineNs;
            this.lastNs = lastNs;
        }
    }

    /** @param hangTimeout after which a process that is silent hangs; zero: it may be silent for ever */
    RecorderQuestions(Duration hangTimeout) {
        this.patienceNs =
                hangTimeout.isZero() ? 0 : (hangTimeout.compareTo(PATIENCE) > 0 ? hangTimeout : PATIENCE).toNanos();
    }

    /** Somebody asks; the number of the question. */
    long ask(Consumer<Optional<A>> asker, long nowNs) {
        long id = nextId++;
        open.put(id, new Question<>(asker, deadlineNs(nowNs), nowNs + LAST_NS));
        return id;
    }

    private long deadlineNs(long nowNs) {
        return patienceNs == 0 ? MachineLifecycle.NEVER : nowNs + patienceNs;
    }

    /** The recorder has said something. */
    void heard(long nowNs) {
        open.values().forEach(q -> q.deadlineNs = deadlineNs(nowNs));
    }

    /** Whom an answer to this question is for; nobody when it has not been asked, or has been forgotten. */
    Optional<Consumer<Optional<A>>> answered(long id) {
        return Optional.ofNullable(open.remove(id)).map(q -> q.asker);
    }

    /** When {@link #isOverdue} and {@link #giveUp} must be called at the latest. */
    long nextDeadlineNs() {
        return open.values().stream()
                .mapToLong(q -> Math.min(q.deadlineNs, q.lastNs))
                .min()
                .orElse(MachineLifecycle.NEVER);
    }

    /** Whether a question has waited in vain for so long that the recorder hangs. */
    boolean isOverdue(long nowNs) {
        return open.values().stream().anyMatch(q -> nowNs >= q.deadlineNs);
    }

    /** Tells those who have waited for too long, whatever was heard meanwhile, that there is no answer. One that comes is nobody's. */
    void giveUp(long nowNs) {
        List<Question<A>> late =
                open.values().stream().filter(q -> nowNs >= q.lastNs).toList();
        open.values().removeAll(late);
        late.forEach(q -> q.asker.accept(Optional.empty()));
    }

    /** There is nobody to answer: all who wait are told so. */
    void forget() {
        List<Question<A>> all = List.copyOf(open.values());
        open.clear();
        all.forEach(q -> q.asker.accept(Optional.empty()));
    }
}
