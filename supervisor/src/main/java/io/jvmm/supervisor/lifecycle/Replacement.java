package io.jvmm.supervisor.lifecycle;

/**
 * One replacement of a device's process; moments in CLOCK_MONOTONIC nanoseconds.
 *
 * @param why what became of the old one
 * @param source where the new one came from
 * @param goneNs the old one's end
 * @param awayNs the board waited, and the link was scrubbed next
 * @param givenNs the new one had been told what it is, or its program was being waited for
 * @param readyNs the new one was READY
 */
public record Replacement(Why why, DeviceActions.Source source, long goneNs, long awayNs, long givenNs, long readyNs) {
    /** The stages for those who look for time. */
    String stages(long servingNs) {
        return "board " + Durations.millis(awayNs - goneNs) + ", given " + Durations.millis(givenNs - awayNs)
                + ", ready " + Durations.millis(readyNs - givenNs) + ", audit " + Durations.millis(servingNs - readyNs);
    }
}
