package io.jvmm.supervisor.lifecycle;

import java.util.Optional;
import java.util.function.Consumer;

/**
 * The last answer to a question that is asked again whenever somebody looks, but never before it was answered: whoever looks often makes no more work
 * than can be done. Event-loop thread only.
 *
 * @param <A> an answer
 */
final class LastAnswer<A> {
    private final Consumer<Consumer<Optional<A>>> question;
    private Optional<A> last = Optional.empty();
    private boolean waits;

    /** @param question asks; what it is given is called once, perhaps before it returns, and with nothing when there was nobody to ask */
    LastAnswer(Consumer<Consumer<Optional<A>>> question) {
        this.question = question;
    }

    /** What was answered last; empty when that was nothing, or nothing yet. Asks for the next time. */
    Optional<A> look() {
        Optional<A> now = last;
        if (!waits) {
            waits = true;
            question.accept(answer -> {
                waits = false;
                last = answer;
            });
        }
        return now;
    }
}
