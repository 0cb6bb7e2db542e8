/**
 * KVM's system-call surface, typed: the ioctl numbers ({@link io.jvmm.vcpu.kvm.sys.KvmIoctl}), the structures they carry
 * ({@link io.jvmm.vcpu.kvm.sys.KvmLayouts}, {@link io.jvmm.vcpu.kvm.sys.KvmRunLayout}), the capabilities asked for
 * ({@link io.jvmm.vcpu.kvm.sys.KvmCapability}), the downcall itself and the signal that gets a thread out of the guest
 * ({@link io.jvmm.vcpu.kvm.sys.KickSignal}).
 *
 * <p>Nothing here knows what a virtual machine looks like; that is {@code vcpu.kvm}. May depend on {@code ipc.sys}. Start
 * at {@code KvmIoctl}: it is the complete list of what this project ever asks of KVM, and says which of it a running
 * guest can still cause.
 */
@NullMarked
package io.jvmm.vcpu.kvm.sys;

import org.jspecify.annotations.NullMarked;
