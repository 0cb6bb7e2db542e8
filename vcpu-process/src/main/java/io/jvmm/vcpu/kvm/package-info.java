/**
 * The engine on KVM: one {@link io.jvmm.vcpu.kvm.KvmEngine} is one virtual machine with its interrupt controllers in the
 * kernel, one {@link io.jvmm.vcpu.kvm.KvmVcpu} one processor of it.
 *
 * <p>Written for real VT-x and SVM hardware: CPUID, MSRs and controllers are what a stock kernel expects to find there.
 * May depend on {@code vcpu.engine}, {@code vcpu.kvm.sys} and {@code ipc.sys}; never on the board. Start at
 * {@code KvmEngine}, then {@code KvmVcpu}.
 */
@NullMarked
package io.jvmm.vcpu.kvm;

import org.jspecify.annotations.NullMarked;
