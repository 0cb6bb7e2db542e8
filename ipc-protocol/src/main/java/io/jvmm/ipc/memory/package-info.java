/**
 * Guest memory: guest-physical addresses in, bounds-checked accesses out, never an exception for an address the guest
 * chose. Depends on {@code ipc.sys} for the mapping; together with it the only place that knows host addresses. Start
 * with {@link io.jvmm.ipc.memory.GuestMemory}.
 */
@NullMarked
package io.jvmm.ipc.memory;

import org.jspecify.annotations.NullMarked;
