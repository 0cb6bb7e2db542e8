package io.jvmm.ipc.link;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Which vCPUs are inside a link. A vCPU pays a plain store on its way in and one on its way out; whoever wants the link empty pays
 * the rest: it shuts the link, waits at least {@link #SETTLE_NS}, and then looks.
 *
 * <p>Why that is enough: a vCPU stores "inside" and then reads whether the link is open. The compiler keeps that order (the fence; no
 * instruction on x86-64), the processor may let the read overtake the store, which sits in its store buffer. It leaves that within
 * microseconds, and at the latest when the thread is interrupted. So a millisecond after the link was shut every vCPU that read "open" is seen inside.
 */
final class Presence {
    static final long SETTLE_NS = 1_000_000;

    private static final int INTS_PER_CACHE_LINE_PAIR = 32;
    private static final VarHandle ELEMENT = MethodHandles.arrayElementVarHandle(int[].class);

    private final int[] inside;

    Presence(int vcpus) {
        inside = new int[vcpus * INTS_PER_CACHE_LINE_PAIR];
    }

    /** vCPU: about to look whether the link is open. */
    void enter(int vcpu) {
        inside[vcpu * INTS_PER_CACHE_LINE_PAIR] = 1;
        VarHandle.releaseFence();
    }

    /** vCPU: will touch the link no more. */
    void leave(int vcpu) {
        VarHandle.releaseFence();
        inside[vcpu * INTS_PER_CACHE_LINE_PAIR] = 0;
    }

    boolean nobody() {
        for (int at = 0; at < inside.length; at += INTS_PER_CACHE_LINE_PAIR) {
            if ((int) ELEMENT.getVolatile(inside, at) != 0) {
                return false;
            }
        }
        return true;
    }
}
