/**
 * The journal: what devices did, as batches of trace records ({@code ipc.trace}), in Chronicle Queue. The only package that knows Chronicle
 * Queue, which writes; nobody reads with it, for its reader makes objects of classes that a file names ({@link io.jvmm.supervisor.journal.PartReader}
 * does). Three programs of their own live here, and the supervisor's process loads none: the <em>recorder</em>
 * ({@link io.jvmm.supervisor.journal.RecorderMain}), a jailed process that holds the journal directory and the trace rings; {@code jvmm-journal}, which
 * reads a directory; and {@code jvmm-replay}, which lets a device's own program live a life again. May depend on {@code ipc} and {@code policy.sys}. Start with
 * {@link io.jvmm.supervisor.journal.JournalDirectory}, which says where what lies, then {@link io.jvmm.supervisor.journal.Recorder}.
 */
@NullMarked
package io.jvmm.supervisor.journal;

import org.jspecify.annotations.NullMarked;
