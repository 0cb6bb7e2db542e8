/**
 * IPC rings between processes that do not trust one another, in the wire format of Agrona's ring buffers.
 * {@link io.jvmm.ipc.ring.HardenedReader} is the consumer that faces a hostile producer;
 * {@link io.jvmm.ipc.ring.GuardedProducer} is the producer that faces a hostile consumer;
 * {@link io.jvmm.ipc.ring.Violation} is what either reports when it cuts a peer off. Depends on Agrona only. Start with
 * {@code PROTOCOL.md}, section "IPC ring", then the reader.
 */
@NullMarked
package io.jvmm.ipc.ring;

import org.jspecify.annotations.NullMarked;
