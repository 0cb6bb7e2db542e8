package io.jvmm.fuzz.machine;

import java.util.List;

/**
 * What a case brought about, for tests of seeds.
 *
 * @param driverOk whether a driver said so
 * @param returned buffers that came back, a number for each virtqueue
 * @param interrupts of all lines
 * @param outputBytes for the host's streams
 * @param powered whether the machine was reset or switched off
 * @param fingerprint of the state and of guest memory behind the last operation
 */
public record Reached(
        boolean driverOk, List<Integer> returned, int interrupts, long outputBytes, boolean powered, long fingerprint) {

    public Reached {
        returned = List.copyOf(returned);
    }
}
