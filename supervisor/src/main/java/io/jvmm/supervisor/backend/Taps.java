package io.jvmm.supervisor.backend;

import io.jvmm.ipc.sys.Errno;
import io.jvmm.ipc.sys.SysException;
import io.jvmm.supervisor.config.NetConfig;
import io.jvmm.supervisor.sys.TunTap;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Attaches network cards to tap interfaces of the host. */
final class Taps {
    /** The kernel puts a number in. */
    private static final String ANY = "jvmm%d";

    private static final Path INTERFACES = Path.of("/sys/class/net");
    private static final int IFF_UP = 1;

    private final Opening opening;

    Taps(Opening opening) {
        this.opening = opening;
    }

    /** One queue for each pair of the card; complains about the key of its interface. */
    void open(NetConfig card, Wiring wiring) {
        String subject = opening.config().deviceSubject(card, "tap");
        String name = card.tap().orElse(ANY);
        boolean there = card.tap().isPresent() && Files.exists(INTERFACES.resolve(name));
        List<TunTap> queues = new ArrayList<>();
        try {
            for (int queue = 0; queue < card.pairs(); queue++) {
                TunTap tap =
                        TunTap.open(queue == 0 ? name : queues.getFirst().name(), card.pairs() > 1, card.offloads());
                opening.keep(tap.fd());
                queues.add(tap);
                wiring.fd("tap." + queue, tap.fd());
            }
        } catch (SysException e) {
            opening.complain(subject, explain(card, name, e));
            return;
        }
        TunTap first = queues.getFirst();
        if (there) {
            tellIfDown(first.name());
            return;
        }
        try {
            first.bringUp(card.mtu());
            opening.notice(card.title() + " is the new interface " + first.name()
                    + "; give it an address: ip address add 192.0.2.1/24 dev " + first.name());
        } catch (SysException e) {
            opening.complain(subject, "interface " + first.name() + " cannot be switched on: " + e.getMessage());
        }
    }

    private void tellIfDown(String name) {
        try {
            String flags =
                    Files.readString(INTERFACES.resolve(name).resolve("flags")).strip();
            if ((Integer.decode(flags) & IFF_UP) == 0) {
                opening.notice("interface " + name + " is switched off. To switch it on: ip link set " + name + " up");
            }
        } catch (IOException | NumberFormatException e) {
            opening.notice("interface " + name + " cannot be looked at: " + e.getMessage());
        }
    }

    private static String explain(NetConfig card, String name, SysException e) {
        String make = "ip tuntap add dev " + (name.equals(ANY) ? "tap0" : name) + " mode tap user $(id -un)"
                + (card.pairs() > 1 ? " multi_queue" : "");
        if (e.errno() == Errno.EPERM || e.errno() == Errno.EACCES) {
            return name.equals(ANY)
                    ? "this user may not create interfaces. Have one made (as root: " + make
                            + ") and name it: tap = \"tap0\"."
                    : "this user may not use or create interface " + name + ". Have it made, as root: " + make;
        }
        if (e.errno() == Errno.EBUSY) {
            return "interface " + name + " is in use by another machine. Choose another tap.";
        }
        if (e.errno() == Errno.EINVAL) {
            return "interface " + name + " is no tap, or has " + (card.pairs() > 1 ? "one queue" : "several queues")
                    + " only. Make it anew, as root: ip link delete " + name + "; " + make;
        }
        if (e instanceof SysException.Missing) {
            return "this host has no " + TunTap.DEVICE + ". Load its driver, as root: modprobe tun";
        }
        return "interface " + name + " cannot be had: " + e.getMessage();
    }
}
