/**
 * The journal: what devices did, as batches of trace records ({@code ipc.trace}), in Chronicle Queue. The only package that knows Chronicle
 * Queue. Two programs of their own live here, and the supervisor's process loads neither: the <em>recorder</em>
 * ({@link io.jvmm.supervisor.journal.RecorderMain}), a jailed process that holds the journal directory and the trace rings, and
 * {@code jvmm-journal}, which reads a directory. May depend on {@code ipc} and {@code policy.sys}. Start with
 * {@link io.jvmm.supervisor.journal.JournalDirectory}, which says where what lies, then {@link io.jvmm.supervisor.journal.Recorder}.
 */
@NullMarked
package io.jvmm.supervisor.journal;

import org.jspecify.annotations.NullMarked;
