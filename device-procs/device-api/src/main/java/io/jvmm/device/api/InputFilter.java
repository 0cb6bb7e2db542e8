package io.jvmm.device.api;

/**
 * Looks at every byte from the host before the core does; how a terminal's escape key is found. A filter may be between
 * two bytes of a command, so it keeps state of its own; that state is not the guest's and is lost with the process.
 */
public interface InputFilter {

    /** From {@link #filter}: the byte is not for the guest. */
    int SWALLOWED = -1;

    /** From {@link #filter}: the byte stands for a break. */
    int BREAK = -2;

    /** From {@link #filter}: the byte asks for {@link #help}. */
    int HELP = -3;

    /** The filter that lets everything pass. */
    InputFilter NONE = value -> value;

    /**
     * Decides about a byte.
     *
     * @param value 0..255
     * @return the byte the guest gets, {@link #SWALLOWED}, {@link #BREAK} or {@link #HELP}
     */
    int filter(int value);

    /** What a user who asks for help is shown, in ASCII. */
    default String help() {
        return "";
    }
}
