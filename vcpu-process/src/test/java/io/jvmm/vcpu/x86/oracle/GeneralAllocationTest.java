package io.jvmm.vcpu.x86.oracle;

import io.jvmm.ipc.Allocations;
import io.jvmm.ipc.TestSeed;
import io.jvmm.vcpu.x86.cpu.Step;
import io.jvmm.vcpu.x86.interp.IntegerFactory;
import io.jvmm.vcpu.x86.oracle.GeneralForms.Form;
import io.jvmm.vcpu.x86.oracle.sys.NativeCpu;
import io.jvmm.vcpu.x86.oracle.sys.NativeState;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** No step of a general-purpose instruction allocates, whether it completes or raises an exception. */
class GeneralAllocationTest {
    private static final int CASES = 12;
    private static final int ROUNDS = 200;

    private final NativeCpu layout = new NativeCpu();
    private final InterpretedCpu guest = new InterpretedCpu(layout, new IntegerFactory());
    private final List<Step[]> steps = new ArrayList<>();
    private final List<NativeState> states = new ArrayList<>();
    private final List<Integer> lengths = new ArrayList<>();
    private final NativeState state = new NativeState();

    @Test
    void stepsAllocateNothing() {
        final long seed = TestSeed.next();
        final Random random = new Random(seed);
        final GeneralCase generated = new GeneralCase(layout, random, true);
        for (final Form form : GeneralForms.all()) {
            if (form.in64()) {
                for (int i = 0; i < CASES; i++) {
                    generated.encode(form);
                    final NativeState operands = new NativeState();
                    generated.operands(operands, layout.scratch(), guest.scratch());
                    steps.add(guest.build(generated.code, generated.length));
                    states.add(operands);
                    lengths.add(generated.length);
                }
            }
        }
        Allocations.assertNoneIn("general-purpose instructions", this::all);
    }

    private void all() {
        for (int round = 0; round < ROUNDS; round++) {
            for (int i = 0; i < steps.size(); i++) {
                System.arraycopy(states.get(i).r, 0, state.r, 0, 16);
                state.flags = states.get(i).flags;
                guest.run(steps.get(i), lengths.get(i), layout.slotAddress(), state);
            }
        }
    }
}
