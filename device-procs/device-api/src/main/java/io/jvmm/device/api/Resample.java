package io.jvmm.device.api;

import io.jvmm.ipc.sys.EventFd;

/** The eventfd by which KVM tells that the guest has ended level interrupt {@code line}. */
record Resample(int line, EventFd eventFd) {}
