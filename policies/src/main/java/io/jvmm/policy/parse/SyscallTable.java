package io.jvmm.policy.parse;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** The system calls of x86-64, by name and by number, from the resource x86_64.syscalls. Immutable. */
public final class SyscallTable {
    private static final SyscallTable X86_64 = load();

    private final Map<String, Syscall> byName = new TreeMap<>();
    private final Map<Integer, Syscall> byNumber = new TreeMap<>();

    private SyscallTable() {}

    /**
     * A system call.
     *
     * @param number in %rax
     * @param name as in its manual page
     * @param arguments those that are known; empty where the table knows none
     */
    public record Syscall(int number, String name, List<Argument> arguments) {
        public Syscall {
            arguments = List.copyOf(arguments);
        }

        @Nullable
        Argument argument(String wanted) {
            for (Argument a : arguments) {
                if (a.name().equals(wanted)) {
                    return a;
                }
            }
            return null;
        }
    }

    /**
     * An argument.
     *
     * @param index 0 to 5
     * @param name as in the manual page, roughly
     * @param bits 32 where the kernel ignores the upper half, else 64
     */
    public record Argument(int index, String name, int bits) {
        /** The bits the kernel looks at. */
        public long mask() {
            return bits == 32 ? 0xffff_ffffL : -1L;
        }
    }

    public static SyscallTable x86_64() {
        return X86_64;
    }

    public @Nullable Syscall find(String name) {
        return byName.get(name);
    }

    public @Nullable Syscall find(int number) {
        return byNumber.get(number);
    }

    /** The number of a call that exists. */
    public int number(String name) {
        Syscall call = byName.get(name);
        if (call == null) {
            throw new IllegalArgumentException(name + " is no system call");
        }
        return call.number();
    }

    /** The name, or the number where there is none. */
    public String name(int number) {
        Syscall call = byNumber.get(number);
        return call == null ? Integer.toString(number) : call.name();
    }

    public Collection<Syscall> all() {
        return byNumber.values();
    }

    public Collection<String> names() {
        return byName.keySet();
    }

    private static SyscallTable load() {
        SyscallTable table = new SyscallTable();
        for (String line : ResourceLines.of("x86_64.syscalls")) {
            String[] words = line.split(" ", -1);
            List<Argument> arguments = new ArrayList<>();
            for (int i = 2; i < words.length; i++) {
                String[] pair = words[i].split(":", 2);
                arguments.add(new Argument(i - 2, pair[0], Integer.parseInt(pair[1])));
            }
            Syscall call = new Syscall(Integer.parseInt(words[0]), words[1], arguments);
            table.byName.put(call.name(), call);
            table.byNumber.put(call.number(), call);
        }
        return table;
    }
}
