/**
 * The {@code jvmmctl} command: one request to a running machine's control socket, its reply in words or as JSON. Depends on
 * {@code control} for the words of the protocol, on {@code launch} for where sockets are, on {@code upgrade} for which
 * distribution's program may read a state, on Gson; what most of its commands need links no native code, so that they start fast. Start at {@link io.jvmm.supervisor.ctl.CtlMain}.
 */
@NullMarked
package io.jvmm.supervisor.ctl;

import org.jspecify.annotations.NullMarked;
