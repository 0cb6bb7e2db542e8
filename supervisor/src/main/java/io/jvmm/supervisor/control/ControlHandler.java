package io.jvmm.supervisor.control;

import java.util.function.Consumer;

/** Who does what clients ask for: the machine. Called by the event loop's thread; must not wait. */
@FunctionalInterface
public interface ControlHandler {
    /**
     * Does what is asked, now or by and by.
     *
     * @param answer called once, now or later, on the same thread; the client may have gone meanwhile, which it does not see
     */
    void handle(ControlRequest request, Consumer<ControlReply> answer);
}
