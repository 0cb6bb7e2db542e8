/**
 * A peer that lies, for the tests of whoever has a link: {@link io.jvmm.ipc.hostile.HostilePeer} plays any of the four ends of a link with
 * raw memory. May depend on the main classes of this module. Start at {@link io.jvmm.ipc.hostile.Lie}.
 */
@NullMarked
package io.jvmm.ipc.hostile;

import org.jspecify.annotations.NullMarked;
