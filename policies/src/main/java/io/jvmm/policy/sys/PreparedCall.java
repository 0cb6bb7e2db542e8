package io.jvmm.policy.sys;

import java.util.List;

/**
 * One line of the table a child walks: a system call, its arguments and what result lets the child go on.
 *
 * @param name what a reader calls it; it appears in the message when the call fails
 * @param number system call number
 * @param arguments at most six
 * @param accept which results let the child go on
 */
public record PreparedCall(String name, int number, List<Argument> arguments, Accept accept) {
    public PreparedCall {
        arguments = List.copyOf(arguments);
        if (arguments.size() > 6) {
            throw new IllegalArgumentException(name + ": a system call has at most six arguments");
        }
    }

    /** An argument, before it has an address. */
    public sealed interface Argument {
        /** A plain number. */
        record Value(long value) implements Argument {}

        /** The address of a NUL-terminated string. */
        record Text(String text) implements Argument {}

        /** The address of a structure. */
        @SuppressWarnings("ArrayRecordComponent") // never compared
        record Bytes(byte[] bytes) implements Argument {}

        /** The address of a NULL-terminated array of addresses of strings, as argv and envp are. */
        record Texts(List<String> texts) implements Argument {}

        /** A structure of two words, a number and the address of more bytes, as struct sock_fprog is. */
        @SuppressWarnings("ArrayRecordComponent") // never compared
        record CountedBytes(long count, byte[] bytes) implements Argument {}

        /** What an earlier line of the table returned. */
        record ResultOf(String name) implements Argument {}
    }

    /** Which results let the child go on. */
    public sealed interface Accept {
        /** Anything that is no errno. */
        record Success() implements Accept {}

        /** Whatever comes. */
        record Anything() implements Accept {}

        /** This result and no other. */
        record Exactly(long value) implements Accept {}
    }

    /** A call that must succeed. Arguments are numbers, strings or {@link Argument}s. */
    public static PreparedCall of(String name, int number, Object... arguments) {
        return new PreparedCall(
                name,
                number,
                List.of(arguments).stream().map(PreparedCall::argument).toList(),
                new Accept.Success());
    }

    public PreparedCall mustReturn(long value) {
        return new PreparedCall(name, number, arguments, new Accept.Exactly(value));
    }

    public PreparedCall whateverItReturns() {
        return new PreparedCall(name, number, arguments, new Accept.Anything());
    }

    private static Argument argument(Object o) {
        return switch (o) {
            case Argument a -> a;
            case Integer i -> new Argument.Value(i);
            case Long l -> new Argument.Value(l);
            case String s -> new Argument.Text(s);
            case byte[] b -> new Argument.Bytes(b);
            default -> throw new IllegalArgumentException("not an argument: " + o);
        };
    }
}
