package io.jvmm.supervisor.lifecycle;

/** How a machine ended: what decides the exit status. The message is a sentence for the user, or empty. */
public sealed interface Outcome {
    String message();

    /** The guest powered off. */
    record PoweredOff(String message) implements Outcome {}

    /** The guest reset itself: a fresh machine follows, or the end, as configured. */
    record Reset(String message) implements Outcome {}

    /** The user ended it with the escape key. */
    record Escaped(String message) implements Outcome {}

    /** The guest did what no processor survives, or what the engine cannot run. */
    record GuestCrashed(String message) implements Outcome {}

    /** A process of ours died, hung, never became ready, or broke the protocol. */
    record ProcessFailed(String message) implements Outcome {}

    /** The host could not give what was needed. */
    record HostLacks(String message) implements Outcome {}

    /** A process cannot use a file that the configuration names: the kernel is none, the initrd does not fit. */
    record BadInput(String message) implements Outcome {}

    /** The machine was killed: no answer to the power button in time, or the user would not wait. */
    record Killed(String message) implements Outcome {}
}
