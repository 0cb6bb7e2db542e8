package io.jvmm.supervisor.lifecycle;

import io.jvmm.supervisor.launch.ProcessInstance;
import java.util.Optional;

/** What the state machine can have done. Called on the event-loop thread; nothing here waits but {@link #hasEnded}. */
public interface MachineActions {
    /** Looks at a ready process from outside; answers what is wrong with its jail. */
    Optional<String> audit(ProcessInstance process);

    /**
     * Whether a process is dead, although its end has not been told yet. Asked only of one whose jail looks wrong, and waits
     * up to a second for one that is dying: such a process has lost parts of its jail already.
     */
    boolean hasEnded(ProcessInstance process);

    /** Lets a ready process serve. */
    void start(ProcessInstance process);

    /** Presses the power button of the platform device; false when it cannot be told. */
    boolean pressPowerButton();

    /** Asks a process to end by itself. */
    void requestStop(ProcessInstance process);

    /** Ends a process. */
    void kill(ProcessInstance process);

    /** Its number on the host, to name it by. */
    int pid(ProcessInstance process);

    /** Tells the user something worth telling. */
    void say(String message);

    /** Tells the user how things go, if they want to know. */
    void progress(String message);
}
