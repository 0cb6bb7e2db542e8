package io.jvmm.vcpu.engine;

/**
 * A message-signalled interrupt whose source is an eventfd: each signal sends one message (SDM 3A 11.11; PCI 3.0 §6.8.1.3), without
 * the board. It begins masked.
 *
 * <p>While it is masked the engine leaves the eventfd alone, so that signals stay in it and whoever holds it may look at it or take
 * them away.
 *
 * <p>Any thread, one at a time for each interrupt; nothing is allocated. Address and data are the guest's and any value is safe; what is no
 * interrupt message the board does not send ({@code Msix.isInterrupt}), since engines differ there: it reaches nobody, or, on KVM, which looks at the destination
 * bits of any address, a vCPU of the same guest.
 */
public interface MessageInterrupt {
    /**
     * From now on each signal sends this message; what was signalled before sends one at once. Also changes the message of one that
     * is not masked.
     */
    void unmask(long address, int data);

    /** From when this returns signals stay in the eventfd. What was signalled before has been sent. */
    void mask();
}
