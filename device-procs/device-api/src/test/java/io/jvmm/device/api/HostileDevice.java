package io.jvmm.device.api;

import io.jvmm.ipc.boot.ProcessExit;
import io.jvmm.ipc.hostile.HostilePeer;
import io.jvmm.ipc.hostile.Lie;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.state.StateSegmentLayout;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Fd;
import io.jvmm.ipc.sys.FileIo;
import io.jvmm.ipc.sys.Mapping;
import java.io.IOException;
import java.io.InputStream;
import java.lang.reflect.Field;
import java.util.Objects;
import java.util.Properties;

/**
 * The program of a device process that is taken over while it serves: everything of it is real, its jail and its narrow filter included,
 * but for one more thread, which from some moment on does what {@link HostileDeeds} says with what the process holds. Tests of whole machines put
 * it into a copy of the distribution in the place of a device's own program, with a file {@code hostile.properties} beside it:
 *
 * <pre>
 *   factory   class of the device, a {@link DeviceFactory} or what {@code io.jvmm.device.virtio.VirtioProcess} is made of
 *   deeds     names of {@link HostileDeeds.Deed}, one for each process over the same state, in turn; who comes later is honest
 *   delayMs   how long it serves first
 *   lastsMs   how long it goes on with its deed; whoever still lives then ends of its own accord
 *   seed      of the lies
 * </pre>
 */
public final class HostileDevice {
    /** Where in the header of the state, in which nobody looks there, the lives after the first are counted. */
    private static final int LIVES = 40;

    private HostileDevice() {}

    public static void main(String[] args) throws Exception {
        Properties orders = orders();
        HostileFactory factory = new HostileFactory(device(orders.getProperty("factory", "")));
        ProcessExit exit;
        try {
            DeviceProcess process = DeviceProcess.receive(factory);
            ClassPreloader.initialiseAll(factory);
            rehearse();
            HandedOver handed = handed(process);
            if (handed.find("link").isPresent()) {
                takeOver(handed, factory, orders);
            }
            exit = DeviceMain.live(process, factory);
        } catch (StageException e) {
            System.err.println(factory.name() + ": " + e.exit().meaning() + ": " + e.getMessage());
            exit = e.exit();
        } catch (Throwable e) {
            e.printStackTrace();
            exit = ProcessExit.INTERNAL_ERROR;
        }
        System.err.flush();
        Runtime.getRuntime().halt(exit.code());
    }

    private static Properties orders() throws IOException {
        Properties orders = new Properties();
        try (InputStream in = Objects.requireNonNull(HostileDevice.class.getResourceAsStream("/hostile.properties"))) {
            orders.load(in);
        }
        return orders;
    }

    private static long number(Properties orders, String key) {
        return Long.parseLong(orders.getProperty(key, "0"));
    }

    /** This module knows no virtio. */
    private static DeviceFactory device(String name) throws ReflectiveOperationException {
        Object device = Class.forName(name).getDeclaredConstructor().newInstance();
        return device instanceof DeviceFactory factory
                ? factory
                : (DeviceFactory) Class.forName("io.jvmm.device.virtio.VirtioProcess")
                        .getConstructors()[0]
                        .newInstance(device);
    }

    /** What its main has received; nobody but an intruder looks there. */
    private static HandedOver handed(DeviceProcess process) throws ReflectiveOperationException {
        Field field = DeviceProcess.class.getDeclaredField("handed");
        field.setAccessible(true);
        return (HandedOver) field.get(process);
    }

    /** Which process over this state it is, from 1. */
    private static int lives(HandedOver handed) {
        Fd state = handed.take("state");
        long size = FileIo.size(state);
        if (size < StateSegmentLayout.HEADER_LENGTH_BYTES) {
            return 1;
        }
        try (Mapping mapping = Mapping.shared(state, 0, size, Mapping.Access.READ_WRITE)) {
            boolean made = mapping.buffer().getLong(StateSegmentLayout.HEADER_MAGIC) == StateSegmentLayout.MAGIC;
            return made ? mapping.buffer().getAndAddInt(LIVES, 1) + 2 : 1;
        }
    }

    private static void takeOver(HandedOver handed, HostileFactory factory, Properties orders) {
        String[] deedOf = orders.getProperty("deeds", "").split(",", -1);
        int life = lives(handed);
        if (life > deedOf.length) {
            return;
        }
        HostileDeeds.Deed deed = HostileDeeds.Deed.valueOf(deedOf[life - 1]);
        long seed = number(orders, "seed") + life;
        HostileDeeds deeds = new HostileDeeds(
                new HostilePeer(
                        handed.take("link"),
                        HostilePeer.Side.DEVICE,
                        EventFd.of(handed.take("link.request-doorbell")),
                        EventFd.of(handed.take("link.event-doorbell")),
                        seed),
                new HostilePeer(
                        handed.take("supervisor.link"),
                        HostilePeer.Side.PROCESS,
                        EventFd.of(handed.take("supervisor.request-doorbell")),
                        EventFd.of(handed.take("supervisor.event-doorbell")),
                        seed),
                handed,
                factory,
                seed);
        long delayMs = number(orders, "delayMs");
        long lastsMs = number(orders, "lastsMs");
        // Made before the jail closes, which lets no thread begin.
        Thread intruder = new Thread(null, () -> deeds.run(deed, delayMs, lastsMs), "intruder", 256 << 10);
        intruder.setDaemon(true);
        intruder.start();
    }

    /**
     * Each lie once, on links of its own: behind the narrow filter no class can be loaded, and HotSpot dies of one that it cannot load
     * itself. (The real programs have all of theirs in an archive.)
     */
    private static void rehearse() throws ClassNotFoundException {
        Class.forName("java.lang.Shutdown");
        try (LinkMemory link = LinkMemory.create("rehearsal", LinkSpec.device(1));
                LinkMemory supervisorLink = LinkMemory.create("rehearsal", LinkSpec.supervisor());
                EventFd one = EventFd.create();
                EventFd other = EventFd.create();
                HostilePeer device = new HostilePeer(link.fd(), HostilePeer.Side.DEVICE, one, other, 1);
                HostilePeer process = new HostilePeer(supervisorLink.fd(), HostilePeer.Side.PROCESS, one, other, 1)) {
            for (int i = 0; i < 20; i++) {
                for (Lie lie : Lie.values()) {
                    device.tell(lie);
                    process.tell(lie);
                }
            }
        }
    }
}
