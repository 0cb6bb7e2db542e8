package io.jvmm.ipc.message;

import org.jspecify.annotations.Nullable;

/** What runs the guest's code. Numbers go over the wire. */
public enum EngineKind {
    KVM(1),
    /** The software processor. */
    X86(2);

    private final int number;

    EngineKind(int number) {
        this.number = number;
    }

    public int number() {
        return number;
    }

    /** {@code kvm}: as in boot records and configurations. */
    public String word() {
        return this == KVM ? "kvm" : "x86";
    }

    /** The engine of a number, or null when there is none. */
    public static @Nullable EngineKind of(int number) {
        return switch (number) {
            case 1 -> KVM;
            case 2 -> X86;
            default -> null;
        };
    }
}
