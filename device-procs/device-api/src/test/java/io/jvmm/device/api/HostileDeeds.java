package io.jvmm.device.api;

import io.jvmm.ipc.hostile.HostilePeer;
import io.jvmm.ipc.hostile.Lie;
import io.jvmm.ipc.memory.GuestMemory;
import io.jvmm.ipc.message.DeviceEventType;
import io.jvmm.ipc.message.SupervisorEventType;
import io.jvmm.ipc.sys.EventFd;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import org.agrona.concurrent.AtomicBuffer;
import org.agrona.concurrent.UnsafeBuffer;

/** What an intruder does in a device process, with what it holds. On a thread of its own, behind the narrow filter. */
final class HostileDeeds {
    private static final int STOLEN_EXIT = 7;
    private static final long LOOK_NS = 5_000_000;

    /** Each of them goes on for as long as it is told to, as fast as it can, unless it is one stroke. */
    enum Deed {
        /** Any lie on the device link. */
        LINK,
        /** Any lie on the supervisor link. */
        SUPERVISOR,
        /** Records of no length on the device link: the shortest violation. */
        LINK_VIOLATION,
        /** The same on the supervisor link. */
        SUPERVISOR_VIOLATION,
        /** Valid events to the board, more than it reads. */
        EVENTS,
        /** Valid log records to the supervisor. */
        LOGS,
        /** Both event doorbells, without a word. */
        BELLS,
        /** Every interrupt vector, and INTx. */
        INTERRUPTS,
        /** EVENTS, LOGS, BELLS and INTERRUPTS in turns. */
        EVERYTHING,
        /** READY once more. */
        READY_TWICE,
        /** ACKs of what nobody asked. */
        UNASKED_ACK,
        /** Says that the vCPU process broke the protocol. */
        ACCUSE,
        /** Says that another device hangs. */
        SAY_HUNG,
        /** Says that the guest has switched the machine off. */
        SAY_STOPPED,
        /** Says which engine runs the guest. */
        SAY_ENGINE,
        /** Says that the user has typed the escape key. */
        SAY_ESCAPE,
        /** Switches the machine off, over the board. */
        POWER,
        /** Declares another PCI function. */
        DECLARE,
        /** Stands still. */
        FREEZE,
        /** Ends. */
        EXIT,
        /** Uses up the heap. */
        HEAP,
        /** Begins a thread. */
        THREADS,
        /** Lies in the used ring of queue 0 to the driver, with an interrupt each time. */
        USED_RING,
        /** Leaves a state that lies, and ends. */
        LYING_STATE
    }

    private final HostilePeer board;
    private final HostilePeer supervisor;
    private final HostileFactory factory;
    private final List<EventFd> interrupts = new ArrayList<>();
    private final Random random;
    private final DeviceIdentity identity;
    private final long queueOffset;
    private final List<byte[]> hoard = new ArrayList<>();
    /** Made beforehand: a lambda takes classes when it is made. */
    private final Runnable sleeper = new Sleeper();

    /** What a thread more would do. */
    private static final class Sleeper implements Runnable {
        @Override
        public void run() {
            LockSupport.parkNanos(1_000_000_000);
        }
    }

    HostileDeeds(HostilePeer board, HostilePeer supervisor, HandedOver handed, HostileFactory factory, long seed) {
        this.board = board;
        this.supervisor = supervisor;
        this.factory = factory;
        this.random = new Random(seed);
        this.identity = factory.identity();
        for (int line = 0; line < 64; line++) {
            Optional<EventFd> interrupt = handed.find("irq." + line).map(EventFd::of);
            interrupt.ifPresent(interrupts::add);
        }
        this.queueOffset = queueOffset(identity.stateLayout());
        usedLie(); // nothing to lie in yet: for its classes alone
        hasDriver();
        disturb(new UnsafeBuffer(new byte[64]));
    }

    /** Where the addresses of queue 0 are; -1 for a device that has none. */
    private static long queueOffset(MemoryLayout state) {
        try {
            return state.byteOffset(
                    PathElement.groupElement("function0"),
                    PathElement.groupElement("queue0"),
                    PathElement.groupElement("queue_desc"));
        } catch (IllegalArgumentException e) {
            return -1;
        }
    }

    void run(Deed deed, long delayMs, long lastsMs) {
        while (!factory.serves || (deed == Deed.USED_RING && !hasDriver())) {
            LockSupport.parkNanos(LOOK_NS);
        }
        long beginNs = System.nanoTime() + delayMs * 1_000_000;
        while (System.nanoTime() < beginNs) {
            LockSupport.parkNanos(LOOK_NS);
        }
        board.follow();
        supervisor.follow();
        long endNs = beginNs + lastsMs * 1_000_000;
        do {
            step(deed);
        } while (System.nanoTime() < endNs || factory.frozen); // who stands still does so until somebody ends it
        Runtime.getRuntime().halt(STOLEN_EXIT);
    }

    /** Whether there is a queue to lie in. */
    private boolean hasDriver() {
        AtomicBuffer state = factory.state;
        return state != null && queueOffset >= 0 && state.getLong((int) queueOffset) != 0;
    }

    private void step(Deed deed) {
        switch (deed) {
            case LINK -> board.step();
            case SUPERVISOR -> supervisor.step();
            case LINK_VIOLATION -> board.tell(Lie.LENGTH_SHORT);
            case SUPERVISOR_VIOLATION -> supervisor.tell(Lie.LENGTH_SHORT);
            case EVENTS -> event();
            case LOGS -> log();
            case BELLS -> {
                board.tell(Lie.BELLS);
                supervisor.tell(Lie.BELLS);
            }
            case INTERRUPTS -> interrupts.forEach(EventFd::signal);
            case EVERYTHING -> {
                event();
                log();
                board.tell(Lie.BELLS);
                supervisor.tell(Lie.BELLS);
                interrupts.forEach(EventFd::signal);
            }
            case READY_TWICE -> say(SupervisorEventType.READY, 0, 0);
            case UNASKED_ACK -> say(SupervisorEventType.ACK, 1 + random.nextInt(4), random.nextInt(4));
            case ACCUSE -> say(SupervisorEventType.PEER_VIOLATION, 0, 1 + random.nextInt(8));
            case SAY_HUNG -> say(SupervisorEventType.DEVICE_HUNG, random.nextInt(4), 0);
            case SAY_STOPPED -> say(SupervisorEventType.GUEST_STOPPED, 1, 0);
            case SAY_ENGINE -> supervisor.put(SupervisorEventType.ENGINE.number(), text(1 + random.nextInt(2)));
            case SAY_ESCAPE -> say(SupervisorEventType.ESCAPE, 0, 1);
            case POWER -> board.put(DeviceEventType.POWER.number(), board.plausible(DeviceEventType.POWER.number()));
            case DECLARE ->
                board.put(
                        DeviceEventType.PCI_FUNCTION.number(), board.plausible(DeviceEventType.PCI_FUNCTION.number()));
            case FREEZE -> {
                factory.frozen = true;
                LockSupport.parkNanos(LOOK_NS);
            }
            case EXIT -> Runtime.getRuntime().halt(STOLEN_EXIT);
            case HEAP -> hoard();
            case THREADS -> new Thread(sleeper).start();
            case USED_RING -> usedLie();
            case LYING_STATE -> {
                AtomicBuffer state = factory.state;
                for (int i = 0; state != null && i < 1_000_000; i++) {
                    disturb(state);
                }
                Runtime.getRuntime().halt(STOLEN_EXIT);
            }
        }
    }

    private void hoard() {
        try {
            hoard.add(new byte[16 << 10]);
        } catch (OutOfMemoryError e) {
            LockSupport.parkNanos(LOOK_NS); // and keeps what it has
        }
    }

    private void disturb(AtomicBuffer state) {
        state.putByte(random.nextInt(state.capacity()), (byte) random.nextInt());
    }

    private void event() {
        int type = random.nextBoolean()
                ? DeviceEventType.GUEST_ERROR.number()
                : random.nextBoolean() ? DeviceEventType.CONFIG_CHANGED.number() : DeviceEventType.NEEDS_RESET.number();
        board.put(type, board.plausible(type));
    }

    private void log() {
        supervisor.put(SupervisorEventType.LOG.number(), text(1 + random.nextInt(4)));
    }

    /** A level and a line with everything in it that a terminal might obey. */
    private static byte[] text(int first) {
        byte[] message = new byte[8 + 64];
        UnsafeBuffer buffer = new UnsafeBuffer(message);
        buffer.putInt(0, first);
        buffer.putInt(4, 64);
        for (int i = 8; i < message.length; i++) {
            message[i] = (byte) (i % 8 == 0 ? 0x1b : i % 8 == 1 ? '[' : i % 8 == 2 ? 0xff : 'x');
        }
        return message;
    }

    private void say(SupervisorEventType type, int first, int second) {
        UnsafeBuffer message = new UnsafeBuffer(new byte[type.lengthBytes()]);
        message.putInt(0, first);
        message.putInt(4, second);
        supervisor.put(type.number(), message.byteArray());
    }

    /** Split rings have their used ring in the device area, packed ones in the descriptors: a lie for both. */
    private void usedLie() {
        AtomicBuffer state = factory.state;
        GuestMemory memory = factory.memory;
        if (state == null || memory == null || queueOffset < 0) {
            return;
        }
        int at = (int) queueOffset;
        long descriptors = state.getLong(at);
        long device = state.getLong(at + 16);
        int size = Math.max(1, state.getShort(at + 24) & 0xFFFF);
        int slot = random.nextInt(size);
        switch (random.nextInt(5)) {
            case 0 -> memory.put16(device + 2, (short) random.nextInt());
            case 1 -> memory.put32(device + 4 + 8L * slot, random.nextBoolean() ? size + random.nextInt(64) : -1);
            case 2 -> memory.put32(device + 8 + 8L * slot, random.nextBoolean() ? -1 : random.nextInt());
            case 3 -> memory.put16(descriptors + 16L * slot + 12, (short) random.nextInt());
            default -> memory.put16(descriptors + 16L * slot + 14, (short) (0x8080 * random.nextInt(2)));
        }
        interrupts.forEach(EventFd::signal);
    }
}
