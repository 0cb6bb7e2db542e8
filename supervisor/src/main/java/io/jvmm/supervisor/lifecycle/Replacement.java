package io.jvmm.supervisor.lifecycle;

/**
 * One replacement of a device's process.
 *
 * @param why what became of the old one
 * @param outageNs from its end to the moment when the next one could serve
 * @param source where that came from
 */
public record Replacement(Why why, long outageNs, DeviceActions.Source source) {}
