package io.jvmm.policy.parse;

import java.util.List;
import java.util.stream.Collectors;

/** What is asked of one argument, taken as an unsigned number of the argument's width. */
public sealed interface ArgumentTest {
    /** It is one of these. */
    record OneOf(List<Long> values) implements ArgumentTest {
        public OneOf {
            values = values.stream().distinct().sorted(Long::compareUnsigned).toList();
        }
    }

    /** It is none of these. */
    record NoneOf(List<Long> values) implements ArgumentTest {
        public NoneOf {
            values = values.stream().distinct().sorted(Long::compareUnsigned).toList();
        }
    }

    /** It lies between the two, both included. */
    record Range(long low, long high) implements ArgumentTest {}

    /** Its bits under the mask are (or, where {@code equal} is false, are not) these. */
    record Masked(long mask, long value, boolean equal) implements ArgumentTest {}

    /** Whether a value passes. This is the meaning of the test; the compiled filter must agree with it. */
    default boolean passes(long argument) {
        return switch (this) {
            case OneOf(List<Long> values) -> values.contains(argument);
            case NoneOf(List<Long> values) -> !values.contains(argument);
            case Range(long low, long high) ->
                Long.compareUnsigned(argument, low) >= 0 && Long.compareUnsigned(argument, high) <= 0;
            case Masked(long mask, long value, boolean equal) -> ((argument & mask) == value) == equal;
        };
    }

    /** True when every value that passes this passes {@code other}; false when that is not so, or not obvious. */
    default boolean implies(ArgumentTest other) {
        if (equals(other)) {
            return true;
        }
        return switch (this) {
            case OneOf(List<Long> values) -> values.stream().allMatch(other::passes);
            case NoneOf(List<Long> mine) -> other instanceof NoneOf(List<Long> theirs) && mine.containsAll(theirs);
            case Range(long low, long high) ->
                switch (other) {
                    case Range(long otherLow, long otherHigh) ->
                        Long.compareUnsigned(otherLow, low) <= 0 && Long.compareUnsigned(high, otherHigh) <= 0;
                    case NoneOf(List<Long> theirs) -> theirs.stream().noneMatch(this::passes);
                    case OneOf o -> false;
                    case Masked m -> false;
                };
            case Masked(long mask, long value, boolean equal) ->
                // More bits fixed to the same values is the stronger statement.
                equal
                        && other instanceof Masked(long otherMask, long otherValue, boolean otherEqual)
                        && otherEqual
                        && (otherMask & ~mask) == 0
                        && (value & otherMask) == otherValue;
        };
    }

    /** The test as a policy would write it. */
    default String describe(String argument) {
        return switch (this) {
            case OneOf(List<Long> values) when values.size() == 1 -> argument + " == " + hex(values.getFirst());
            case NoneOf(List<Long> values) when values.size() == 1 -> argument + " != " + hex(values.getFirst());
            case OneOf(List<Long> values) -> argument + " in {" + list(values) + "}";
            case NoneOf(List<Long> values) -> argument + " not in {" + list(values) + "}";
            case Range(long low, long high) -> argument + " in " + hex(low) + " .. " + hex(high);
            case Masked(long mask, long value, boolean equal) ->
                argument + " & " + hex(mask) + (equal ? " == " : " != ") + hex(value);
        };
    }

    private static String list(List<Long> values) {
        return values.stream().map(ArgumentTest::hex).collect(Collectors.joining(", "));
    }

    private static String hex(long value) {
        return Long.compareUnsigned(value, 10) < 0 ? Long.toString(value) : "0x" + Long.toHexString(value);
    }
}
