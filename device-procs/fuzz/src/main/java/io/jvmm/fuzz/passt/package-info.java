/**
 * Both ways of passt's stream: the port of the network device that speaks it, a guest that sends what it likes, a passt that does, and processes that die between. Depends on
 * {@code net} by way of {@code io.jvmm.device.net.PasstBed} only. Start with {@code PasstTarget}.
 */
@NullMarked
package io.jvmm.fuzz.passt;

import org.jspecify.annotations.NullMarked;
