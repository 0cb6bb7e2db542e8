/**
 * The {@code jvmmctl} command: one request to a running machine's control socket, its reply in words or as JSON. Depends on
 * {@code control} for the words of the protocol, on {@code launch} for where sockets are, on Gson and on nothing that links native
 * code, so that it starts fast. Start at {@link io.jvmm.supervisor.ctl.CtlMain}.
 */
@NullMarked
package io.jvmm.supervisor.ctl;

import org.jspecify.annotations.NullMarked;
