/**
 * Interrupt controllers and timers: local APIC, IOAPIC, 8259 pair, 8254. Depends on cpu's interfaces. Start at the local APIC.
 */
@NullMarked
package io.jvmm.vcpu.x86.apic;

import org.jspecify.annotations.NullMarked;
