/** Help for the tests of this module. */
@NullMarked
package io.jvmm.ipc;

import org.jspecify.annotations.NullMarked;
