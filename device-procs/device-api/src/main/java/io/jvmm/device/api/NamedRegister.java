package io.jvmm.device.api;

/** A register by its name in the specification, for scripts. {@code widthBytes} is 1, 2, 4 or 8. */
public record NamedRegister(String name, int region, int offset, int widthBytes) {}
