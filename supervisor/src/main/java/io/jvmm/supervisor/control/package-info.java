/**
 * What a running machine can be asked from outside: the control socket, JSON lines, one type of requests and one of replies.
 * {@code CONTROL.md} beside this module is its normative description. Depends on ipc-protocol's typed Linux calls and on Gson,
 * whose classes are loaded when the first client has said something. Start at
 * {@link io.jvmm.supervisor.control.ControlServer}.
 */
@NullMarked
package io.jvmm.supervisor.control;

import org.jspecify.annotations.NullMarked;
