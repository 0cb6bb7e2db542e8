package io.jvmm.vcpu.board;

import io.jvmm.ipc.message.StopCause;

/**
 * Why the guest runs no more.
 *
 * @param text for people, several lines; "" when the cause says it all
 */
record StopReport(StopCause cause, int vcpu, long rip, long detail, String text) {}
