package io.jvmm.policy.probe;

import java.util.List;

/** An argument of a tried call, before there is a process to try it in. */
public sealed interface ProbeArgument {
    /** A number. */
    record Value(long value) implements ProbeArgument {}

    /** A number that is known when the process is there. */
    record Named(Known name) implements ProbeArgument {}

    /** The address of a structure; a text is one of single bytes. */
    record Address(List<Field> fields) implements ProbeArgument {
        public Address {
            fields = List.copyOf(fields);
        }
    }

    /** The address of a page of the process's own. {@code spare}: the one that may go. */
    record Page(boolean spare) implements ProbeArgument {}

    /** A field of a structure. {@code widthBytes}: 1, 2, 4 or 8; {@code count}: that many of it. */
    record Field(int widthBytes, int count, ProbeArgument what) {}

    /** What is known late. */
    enum Known {
        /** Process id of the supervisor, on the host. */
        SUPERVISOR,
        /** Process id of another process of the machine, on the host. */
        SIBLING,
        /** KVM's descriptor of a machine, 1023 where there is none. */
        KVM_VM,
        /** KVM's descriptor of a processor, 1023 where there is none. */
        KVM_VCPU
    }
}
