/**
 * The Linux calls that only the supervisor makes: terminals, pseudo-terminals, a helper outside every session. Typed, over
 * the system call door of ipc-protocol and the clone table of policies; nothing else of ours.
 */
@NullMarked
package io.jvmm.supervisor.sys;

import org.jspecify.annotations.NullMarked;
