/**
 * What supervisor and net process agree on about passt's stream: {@link io.jvmm.ipc.passt.PasstStreamsLayout}, the memory in which a successor
 * finds its place in it. Depends on nothing.
 */
@NullMarked
package io.jvmm.ipc.passt;

import org.jspecify.annotations.NullMarked;
