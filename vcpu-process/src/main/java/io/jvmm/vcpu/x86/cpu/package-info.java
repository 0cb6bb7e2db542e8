/**
 * The architectural state of a vCPU and what the architecture does by itself: flags, segmentation, exceptions and
 * interrupts, control registers, MSRs, CPUID. Depends on mmu and fpu. Start at {@link io.jvmm.vcpu.x86.cpu.Cpu}.
 */
@NullMarked
package io.jvmm.vcpu.x86.cpu;

import org.jspecify.annotations.NullMarked;
