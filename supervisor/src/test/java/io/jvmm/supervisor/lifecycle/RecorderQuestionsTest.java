package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** Observers and a recorder that is slow, busy or frozen. Time is made up, in ms. */
final class RecorderQuestionsTest {
    private static final long MS = 1_000_000;
    private static final int PATIENCE_MS = 10_000;

    private final List<Optional<String>> answers = new ArrayList<>();
    private final RecorderQuestions<String> questions = new RecorderQuestions<>(Duration.ofSeconds(2));

    private void answer(long id) {
        questions.answered(id).orElseThrow().accept(Optional.of("answer " + id));
    }

    /** Asked once a second by somebody who does not wait; each answer takes 1.2 s: there is always a question open. */
    @Test
    void oneThatAnswersEveryQuestionDoesNotHangHoweverFarItIsBehind() {
        long answered = 0;
        for (long ms = 0; ms <= 60_000; ms += 100) {
            if (ms % 1000 == 0) {
                questions.ask(answers::add, ms * MS);
            }
            if (ms % 1200 == 0 && ms > 0) {
                questions.heard(ms * MS);
                answer(answered++);
            }
            assertFalse(questions.isOverdue(ms * MS), "at " + ms + " ms");
        }
        assertEquals(answered, answers.size());
        assertEquals(Optional.of("answer 49"), answers.getLast());
    }

    /** Lives that are read through take longer than a question may wait; ALIVE is said meanwhile. */
    @Test
    void oneThatSaysThatItLivesDoesNotHang() {
        long id = questions.ask(answers::add, 0);
        for (long ms = 250; ms < 30_000; ms += 250) {
            assertFalse(questions.isOverdue(ms * MS), "at " + ms + " ms");
            questions.giveUp(ms * MS);
            questions.heard(ms * MS);
        }
        answer(id);
        assertEquals(List.of(Optional.of("answer 0")), answers);
        assertEquals(MachineLifecycle.NEVER, questions.nextDeadlineNs());
    }

    /** A client's place at the control socket is taken as long as it waits: a recorder that only says that it lives keeps it from nobody. */
    @Test
    void nobodyWaitsForEverForOneThatLivesAndDoesNotAnswer() {
        long id = questions.ask(answers::add, 0);
        questions.heard(25_000 * MS);
        questions.ask(answers::add, 26_000 * MS);
        assertEquals(30_000 * MS, questions.nextDeadlineNs());
        questions.giveUp(30_000 * MS - 1);
        assertEquals(List.of(), answers);
        questions.giveUp(30_000 * MS);
        assertEquals(List.of(Optional.empty()), answers);
        assertFalse(questions.isOverdue(30_000 * MS), "it lives");
        assertTrue(questions.answered(id).isEmpty(), "it comes too late");
        assertEquals(36_000 * MS, questions.nextDeadlineNs());
    }

    @Test
    void oneThatIsSilentHangsAndWhoeverAskedIsTold() {
        questions.ask(answers::add, 0);
        questions.ask(answers::add, 5000 * MS);
        questions.heard(6000 * MS);
        questions.ask(answers::add, 7000 * MS);
        assertEquals((6000 + PATIENCE_MS) * MS, questions.nextDeadlineNs());
        assertFalse(questions.isOverdue((6000 + PATIENCE_MS) * MS - 1));
        assertTrue(questions.isOverdue((6000 + PATIENCE_MS) * MS));
        questions.forget();
        assertEquals(List.of(Optional.empty(), Optional.empty(), Optional.empty()), answers);
        assertFalse(questions.isOverdue(Long.MAX_VALUE - 1));
        assertTrue(questions.answered(0).isEmpty(), "it comes too late");
    }

    /** hang_timeout_ms, which says how long any process may be silent; 0: none is asked whether it lives. */
    @Test
    void theConfiguredPatienceCountsWhereItIsLongerAndZeroIsForEver() {
        RecorderQuestions<String> patient = new RecorderQuestions<>(Duration.ofMinutes(1));
        patient.ask(answers::add, 0);
        assertFalse(patient.isOverdue(60_000 * MS - 1));
        assertTrue(patient.isOverdue(60_000 * MS));
        RecorderQuestions<String> forEver = new RecorderQuestions<>(Duration.ZERO);
        forEver.ask(answers::add, 0);
        forEver.heard(5 * MS);
        assertEquals(30_000 * MS, forEver.nextDeadlineNs(), "whoever asked does not wait for ever");
        assertFalse(forEver.isOverdue(3_600_000 * MS));
    }

    @Test
    void whoeverLooksOftenAsksNothingAnewBeforeItWasAnswered() {
        List<Consumer<Optional<String>>> asked = new ArrayList<>();
        LastAnswer<String> last = new LastAnswer<>(asked::add);
        for (int n = 0; n < 10; n++) {
            assertEquals(Optional.empty(), last.look());
        }
        assertEquals(1, asked.size());
        asked.getFirst().accept(Optional.of("one"));
        assertEquals(Optional.of("one"), last.look());
        assertEquals(Optional.of("one"), last.look());
        assertEquals(2, asked.size());
        asked.getLast().accept(Optional.empty()); // that recorder has died
        assertEquals(Optional.empty(), last.look());
        assertEquals(3, asked.size());
        LastAnswer<String> atOnce = new LastAnswer<>(asker -> asker.accept(Optional.empty()));
        assertEquals(Optional.empty(), atOnce.look());
        assertEquals(Optional.empty(), atOnce.look());
    }
}
