/**
 * What a process counts, in a page that it shares with the supervisor and with its successors: {@link
 * io.jvmm.ipc.counters.CountersLayout} has the bytes, {@link io.jvmm.ipc.counters.DeviceCounter}, {@link
 * io.jvmm.ipc.counters.BoardCounter} and {@link io.jvmm.ipc.counters.LinkCounter} what is counted, {@link
 * io.jvmm.ipc.counters.DevicePage} and {@link io.jvmm.ipc.counters.BoardPage} where in it. The process writes plain stores
 * on its own threads and is otherwise not concerned; the supervisor, who reads, believes nothing. Depends on {@code
 * ipc.sys}. Start with {@code PROTOCOL.md}, section "Counters page".
 */
@NullMarked
package io.jvmm.ipc.counters;

import org.jspecify.annotations.NullMarked;
