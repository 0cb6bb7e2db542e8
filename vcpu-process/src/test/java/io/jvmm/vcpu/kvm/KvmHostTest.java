package io.jvmm.vcpu.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.vcpu.kvm.sys.KvmCapability;
import org.junit.jupiter.api.Test;

/** What a host that cannot run guests is told. */
class KvmHostTest {
    @Test
    void everyMissingCapabilityIsNamedWithItsPurpose() {
        assertEquals("", KvmHost.missing(_ -> true));
        assertEquals(
                "KVM_CAP_IRQFD (interrupts from device processes)",
                KvmHost.missing(capability -> capability != KvmCapability.IRQFD));
        assertTrue(KvmHost.missing(_ -> false).contains("KVM_CAP_USER_MEMORY (guest memory from this process), "));
        assertTrue(!KvmHost.missing(_ -> false).contains("READONLY_MEM"), "not a required one");
    }
}
