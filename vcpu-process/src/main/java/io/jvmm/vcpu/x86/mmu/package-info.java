/**
 * Linear and guest-physical memory of the software CPU: raw access to RAM, page tables, TLBs, and the exceptions that accesses raise. The ground floor: depends on Agrona's unsafe access only. Start at {@link io.jvmm.vcpu.x86.mmu.Mmu}.
 */
@NullMarked
package io.jvmm.vcpu.x86.mmu;

import org.jspecify.annotations.NullMarked;
