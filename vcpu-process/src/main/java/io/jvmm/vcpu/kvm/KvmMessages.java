package io.jvmm.vcpu.kvm;

import static io.jvmm.vcpu.kvm.sys.KvmLayouts.IRQFD;
import static io.jvmm.vcpu.kvm.sys.KvmLayouts.offset;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.jvmm.ipc.sys.Fd;
import io.jvmm.vcpu.engine.MessageInterrupt;
import io.jvmm.vcpu.kvm.sys.KvmFd;
import io.jvmm.vcpu.kvm.sys.KvmIoctl;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Messages whose eventfds KVM consumes: an irqfd on a GSI of its own while not masked, and a route that says which message. The
 * kernel takes the whole routing table each time a message changes, which the board
 * keeps rare whatever the guest does; masking leaves the route alone.
 *
 * <p>Any thread; its lock guards routing table and scratch memory. An ioctl that the kernel refuses throws, which ends the machine.
 */
final class KvmMessages {
    private static final int IRQFD_DEASSIGN = 1;
    private static final long FD = offset(IRQFD, "fd");
    private static final long GSI = offset(IRQFD, "gsi");
    private static final long FLAGS = offset(IRQFD, "flags");

    private final KvmFd machine;
    private final InterruptRouting routing;
    private final int mostRoutes;
    private final MemorySegment irqfd;

    /** @param mostRoutes how many entries the kernel's table takes */
    KvmMessages(KvmFd machine, InterruptRouting routing, int mostRoutes, Arena arena) {
        this.machine = machine;
        this.routing = routing;
        this.mostRoutes = mostRoutes;
        this.irqfd = arena.allocate(IRQFD);
    }

    synchronized MessageInterrupt attach(Fd eventFd) {
        if (routing.count() >= mostRoutes) {
            throw new IllegalArgumentException(
                    "this host's KVM has " + mostRoutes + " interrupt routes: fewer queues or devices are needed");
        }
        return new Message(eventFd, routing.addMessage());
    }

    private final class Message implements MessageInterrupt {
        private final Fd eventFd;
        private final int entry;
        private boolean attached;

        Message(Fd eventFd, int entry) {
            this.eventFd = eventFd;
            this.entry = entry;
        }

        @Override
        public void unmask(long address, int data) {
            synchronized (KvmMessages.this) {
                if (routing.setMessage(entry, address, data)) {
                    machine.call(KvmIoctl.SET_GSI_ROUTING, routing.table());
                }
                if (!attached) {
                    assign(0);
                    attached = true;
                }
            }
        }

        @Override
        public void mask() {
            synchronized (KvmMessages.this) {
                if (attached) {
                    assign(IRQFD_DEASSIGN);
                    attached = false;
                }
            }
        }

        private void assign(int flags) {
            irqfd.set(JAVA_INT, FD, eventFd.number());
            irqfd.set(JAVA_INT, GSI, routing.gsi(entry));
            irqfd.set(JAVA_INT, FLAGS, flags);
            machine.call(KvmIoctl.IRQFD, irqfd);
        }
    }
}
