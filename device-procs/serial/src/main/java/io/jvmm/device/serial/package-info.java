/**
 * The serial device: COM1 to COM4 as 16550A UARTs, one process for all.
 *
 * <p>Depends on {@code io.jvmm.device.api} only. Start reading at {@link io.jvmm.device.serial.UartRegister}, then
 * {@code Uart16550}, the pure chip, and {@code SerialStateLayout}, what it remembers.
 */
@NullMarked
package io.jvmm.device.serial;

import org.jspecify.annotations.NullMarked;
