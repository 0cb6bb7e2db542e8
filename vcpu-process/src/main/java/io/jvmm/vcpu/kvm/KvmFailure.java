package io.jvmm.vcpu.kvm;

import io.jvmm.vcpu.engine.ExitKind;
import io.jvmm.vcpu.kvm.sys.KvmExitReason;
import io.jvmm.vcpu.kvm.sys.KvmRunLayout;
import org.agrona.concurrent.UnsafeBuffer;

/** The exits after which a vCPU is not run again, put into words. Off the hot path: allocates. */
final class KvmFailure {
    private KvmFailure() {}

    static ExitKind classify(UnsafeBuffer run, int reason, KvmExitView exit) {
        return switch (reason) {
            case KvmExitReason.SHUTDOWN -> {
                exit.fail("KVM_EXIT_SHUTDOWN");
                yield ExitKind.SHUTDOWN;
            }
            case KvmExitReason.SYSTEM_EVENT -> {
                // On x86 only crashes reported through hypervisor enlightenments arrive here; ACPI has its own way.
                exit.fail("guest-reported system event " + run.getInt(KvmRunLayout.SYSTEM_EVENT_TYPE));
                yield ExitKind.SHUTDOWN;
            }
            case KvmExitReason.FAIL_ENTRY -> {
                exit.fail("the processor refused to enter the guest: hardware reason "
                        + hex(run.getLong(KvmRunLayout.FAIL_ENTRY_REASON)) + " on host CPU "
                        + run.getInt(KvmRunLayout.FAIL_ENTRY_CPU));
                yield ExitKind.INTERNAL_ERROR;
            }
            case KvmExitReason.INTERNAL_ERROR -> internalError(run, exit);
            case KvmExitReason.UNKNOWN -> {
                exit.fail("unknown hardware exit " + hex(run.getLong(KvmRunLayout.UNKNOWN_HARDWARE_REASON)));
                yield ExitKind.INTERNAL_ERROR;
            }
            default -> {
                exit.fail("unexpected " + KvmExitReason.name(reason));
                yield ExitKind.INTERNAL_ERROR;
            }
        };
    }

    private static ExitKind internalError(UnsafeBuffer run, KvmExitView exit) {
        final int suberror = run.getInt(KvmRunLayout.INTERNAL_SUBERROR);
        final int ndata = Math.clamp(run.getInt(KvmRunLayout.INTERNAL_NDATA), 0, 16);
        if (suberror != KvmExitReason.INTERNAL_ERROR_EMULATION) {
            final StringBuilder text =
                    new StringBuilder("KVM internal error: ").append(KvmExitReason.internalErrorName(suberror));
            for (int i = 0; i < ndata; i++) {
                text.append(i == 0 ? ", data " : " ").append(hex(run.getLong(KvmRunLayout.INTERNAL_DATA + 8 * i)));
            }
            exit.fail(text.toString());
            return ExitKind.INTERNAL_ERROR;
        }
        exit.fail("KVM cannot emulate an instruction" + instructionBytes(run, ndata));
        return ExitKind.EMULATION_FAILURE;
    }

    /** The kernel includes the bytes when {@code ndata} covers them and the flag says so. */
    private static String instructionBytes(UnsafeBuffer run, int ndata) {
        if (ndata < 1
                || (run.getLong(KvmRunLayout.EMULATION_FLAGS) & KvmExitReason.EMULATION_FLAG_INSTRUCTION_BYTES) == 0) {
            return "";
        }
        final int size = Math.clamp(
                run.getByte(KvmRunLayout.EMULATION_INSTRUCTION_SIZE), 0, KvmRunLayout.EMULATION_INSTRUCTION_CAPACITY);
        final StringBuilder text = new StringBuilder(": bytes");
        for (int i = 0; i < size; i++) {
            final int value = Byte.toUnsignedInt(run.getByte(KvmRunLayout.EMULATION_INSTRUCTION_BYTES + i));
            text.append(' ').append(Character.forDigit(value >>> 4, 16)).append(Character.forDigit(value & 15, 16));
        }
        return text.toString();
    }

    private static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }
}
