package io.jvmm.ipc.hostile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.hostile.HostilePeer.Side;
import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.link.LinkHealth;
import io.jvmm.ipc.link.LinkKind;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.ring.Violation;
import io.jvmm.ipc.ring.Violation.Kind;
import io.jvmm.ipc.sys.EventFd;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every lie against every end of a link, each alone and all of them mixed: the other side throws nothing, comes to an end, and
 * either goes on or severs and says why. {@code -Djvmm.hostile.lies=20000000} makes it a longer run, {@code -Djvmm.seed=N} the same
 * one again.
 */
@Timeout(3600)
class HostileEndsTest {
    /** Steps of the mixed run against each end. */
    private static final int LIES = Integer.getInteger("jvmm.hostile.lies", 200_000);

    private static final long SEED = TestSeed.next();
    private static final int LIFE = 40;
    private static final int VCPUS = 2;

    /** What a reader must answer a lie with when it comes first and alone. */
    private static final Map<Lie, Set<Kind>> ANSWERS = new EnumMap<>(Map.of(
            Lie.LENGTH_SHORT, EnumSet.of(Kind.RECORD_LENGTH),
            Lie.LENGTH_PAST_LIMIT, EnumSet.of(Kind.RECORD_LENGTH),
            Lie.LENGTH_PAST_RING, EnumSet.of(Kind.RECORD_LENGTH),
            Lie.LENGTH_HUGE, EnumSet.of(Kind.RECORD_LENGTH),
            Lie.TYPE_NOT_POSITIVE, EnumSet.of(Kind.RECORD_TYPE),
            Lie.TYPE_UNKNOWN, EnumSet.of(Kind.UNKNOWN_MESSAGE),
            Lie.PADDING_CHAIN, EnumSet.of(Kind.PADDING),
            Lie.PADDING_PAST_RING, EnumSet.of(Kind.RECORD_LENGTH)));

    /** What says nothing that is forbidden, or nothing that anyone reads. */
    private static final Set<Lie> HARMLESS = EnumSet.of(
            Lie.LENGTH_NEGATIVE, Lie.BELLS, Lie.STOLEN_BELLS, Lie.WORDS, Lie.REPLIES, Lie.HEADER, Lie.FLOOD, Lie.TAIL);

    /** An honest end, and what it does in its life. */
    private sealed interface Victim {
        /** One round of all that this end ever does; single-threaded, so that a seed repeats itself. */
        void round(Random random);

        LinkHealth health();

        @Nullable
        Violation violation();
    }

    private static final class Link implements AutoCloseable {
        final LinkMemory memory;
        final EventFd requestDoorbell = EventFd.create();
        final EventFd eventDoorbell = EventFd.create();

        Link(Side side) {
            memory = LinkMemory.create(
                    side == Side.DEVICE || side == Side.BOARD ? LinkSpec.device(VCPUS) : LinkSpec.supervisor());
        }

        Victim against(Side side) {
            return switch (side) {
                case DEVICE -> new Board(this);
                case BOARD -> new Device(this);
                case PROCESS -> new Supervisor(this);
                case SUPERVISOR -> new Jailed(this);
            };
        }

        HostilePeer peer(Side side, long seed) {
            return new HostilePeer(memory.fd(), side, requestDoorbell, eventDoorbell, seed);
        }

        @Override
        public void close() {
            requestDoorbell.close();
            eventDoorbell.close();
            memory.close();
        }
    }

    private record Board(BoardEndpoint end) implements Victim {
        Board(Link link) {
            // Whoever waits gives up at once: there is nobody to wait for.
            this(new BoardEndpoint(link.memory, link.requestDoorbell, link.eventDoorbell, new WaitPolicy(0, 1)));
        }

        @Override
        public void round(Random random) {
            int vcpu = random.nextInt(VCPUS);
            switch (random.nextInt(4)) {
                case 0 -> {
                    int width = 1 << random.nextInt(4);
                    long value = end.read(vcpu, 1, 2, width);
                    assertTrue(width == 8 || value >>> (8 * width) == 0, "bits above the width");
                }
                case 1 -> end.write(vcpu, 1, 2, 4, random.nextLong());
                case 2 -> end.kick(vcpu, 3);
                default -> end.reset(vcpu);
            }
            assertTrue(end.pollEvents(Heard.DEVICE, 4) <= 4);
            end.prepareToSleep();
            end.awake();
            if (random.nextInt(4) == 0) {
                end.reconnect();
            }
        }

        @Override
        public LinkHealth health() {
            return end.health();
        }

        @Override
        public @Nullable Violation violation() {
            return end.violation();
        }
    }

    private record Device(DeviceEndpoint end) implements Victim {
        Device(Link link) {
            this(new DeviceEndpoint(link.memory, link.requestDoorbell, link.eventDoorbell, 0));
        }

        @Override
        public void round(Random random) {
            for (int i = 0; i < 4 && end.next(); i++) {
                assertTrue(end.vcpu() >= 0 && end.vcpu() < VCPUS, "vcpu " + end.vcpu());
                switch (end.request()) {
                    case READ -> {
                        assertTrue(end.region() >= 0 && end.region() <= 255 && end.offset() >= 0);
                        assertEquals(1, Integer.bitCount(end.widthBytes()));
                        end.reply(random.nextLong());
                    }
                    case WRITE -> end.configChanged(1, 1);
                    case KICK -> {
                        assertTrue(end.queue() >= 0 && end.queue() <= 65535);
                        end.needsReset(0, 1);
                    }
                    case RESET -> end.guestError(1, 2);
                }
                end.done();
            }
            end.giveBack();
            end.prepareToSleep();
            end.awake();
        }

        @Override
        public LinkHealth health() {
            return end.health();
        }

        @Override
        public @Nullable Violation violation() {
            return end.violation();
        }
    }

    private record Supervisor(SupervisorEndpoint end) implements Victim {
        Supervisor(Link link) {
            this(new SupervisorEndpoint(link.memory, link.requestDoorbell, link.eventDoorbell));
        }

        @Override
        public void round(Random random) {
            end.send(SupervisorRequestType.BALLOON, random.nextLong());
            assertTrue(end.pollEvents(Heard.PROCESS, 4) <= 4);
            end.prepareToSleep();
            end.awake();
        }

        @Override
        public LinkHealth health() {
            return end.health();
        }

        @Override
        public @Nullable Violation violation() {
            return end.violation();
        }
    }

    private record Jailed(ProcessEndpoint end) implements Victim {
        Jailed(Link link) {
            this(new ProcessEndpoint(link.memory, link.requestDoorbell, link.eventDoorbell));
        }

        @Override
        public void round(Random random) {
            for (int i = 0; i < 4 && end.next(); i++) {
                end.ack(end.request(), 0);
                end.release();
            }
            end.counter(1, random.nextLong());
            end.prepareToSleep();
            end.awake();
        }

        @Override
        public LinkHealth health() {
            return end.health();
        }

        @Override
        public @Nullable Violation violation() {
            return end.violation();
        }
    }

    @ParameterizedTest
    @EnumSource
    void eachLieAlone(Side side) {
        for (Lie lie : Lie.values()) {
            for (long seed = SEED; seed < SEED + 20; seed++) {
                String which = side + " tells " + lie + ", seed " + seed;
                try (Link link = new Link(side);
                        HostilePeer peer = link.peer(side, seed)) {
                    Victim victim = link.against(side);
                    Random random = new Random(seed);
                    Set<Kind> answers = ANSWERS.get(lie);
                    if (answers != null) {
                        peer.tell(lie);
                        victim.round(random);
                        Violation violation = victim.violation();
                        assertNotNull(violation, which);
                        assertTrue(answers.contains(violation.kind()), which + ": " + violation);
                        assertTrue(violation.bytes().length > 0 && violation.bytes().length <= Violation.MAX_BYTES);
                        assertEquals(LinkHealth.SEVERED, victim.health(), which);
                        if (victim instanceof Board board) {
                            board.end().reconnect();
                            assertEquals(LinkHealth.SEVERED, victim.health(), which);
                        }
                    } else {
                        for (int i = 0; i < 50; i++) {
                            peer.tell(lie);
                            if (HARMLESS.contains(lie)) {
                                assertNull(victim.violation(), which);
                            }
                            victim.round(random);
                        }
                    }
                }
            }
        }
    }

    /** The same seed gives the same lies and the same answers: both sides take turns. */
    @ParameterizedTest
    @EnumSource
    void allLiesInTurns(Side side) {
        System.out.println(side + ": seed " + SEED + ", " + LIES + " lies");
        Map<Kind, Integer> severed = new EnumMap<>(Kind.class);
        for (int life = 0; life < LIES / LIFE; life++) {
            long seed = SEED + life;
            try (Link link = new Link(side);
                    HostilePeer peer = link.peer(side, seed)) {
                Random random = new Random(seed);
                Victim victim = link.against(side);
                for (int i = 0; i < LIFE; i++) {
                    Lie lie = peer.step();
                    try {
                        victim.round(random);
                    } catch (RuntimeException | Error e) {
                        throw new AssertionError(side + ", seed " + seed + ", step " + i + ", " + lie, e);
                    }
                    assertEquals(victim.violation() != null, victim.health() == LinkHealth.SEVERED);
                }
                Violation violation = victim.violation();
                if (violation != null) {
                    severed.merge(violation.kind(), 1, Integer::sum);
                }
            }
        }
        System.out.println(side + ": of " + LIES / LIFE + " lives severed " + severed);
        assertTrue(severed.size() >= 6, "the lies did not even reach the checks: " + severed);
    }

    /** At the same time, on another processor; what it finds cannot be repeated exactly. */
    @ParameterizedTest
    @EnumSource
    void allLiesAtOnce(Side side) throws InterruptedException {
        System.out.println(side + ": seed " + SEED);
        for (int life = 0; life < Math.max(20, LIES / 20_000); life++) {
            long seed = SEED + life;
            AtomicBoolean over = new AtomicBoolean();
            try (Link link = new Link(side);
                    HostilePeer peer = link.peer(side, seed)) {
                Victim victim = link.against(side);
                Thread liar = Thread.ofPlatform().name("liar").start(() -> {
                    for (int i = 0; i < 10_000 && !over.get(); i++) {
                        peer.step();
                    }
                });
                Random random = new Random(seed);
                for (int i = 0; i < 300 && victim.violation() == null; i++) {
                    victim.round(random);
                }
                over.set(true);
                liar.join();
            }
        }
    }

    /** A successor meets what a liar has left behind: it severs or goes on, it does not fail. */
    @Test
    void aSuccessorOverTheRuinsOfALink() {
        int went = 0;
        for (int life = 0; life < LIES / 400; life++) {
            long seed = SEED + life;
            Random random = new Random(seed);
            try (Link link = new Link(Side.BOARD);
                    HostilePeer peer = link.peer(Side.BOARD, seed)) {
                for (int i = random.nextInt(20); i > 0; i--) {
                    peer.step();
                }
                long position = random.nextBoolean() ? peer.tail() : 8L * random.nextInt(20_000);
                Device device =
                        new Device(new DeviceEndpoint(link.memory, link.requestDoorbell, link.eventDoorbell, position));
                for (int i = 0; i < 10; i++) {
                    device.round(random);
                }
                went += device.health() == LinkHealth.CONNECTED ? 1 : 0;
            }
        }
        System.out.println(went + " of " + LIES / 400 + " went on, seed " + SEED);
        assertTrue(went > 0);
    }

    /** The header is checked once; afterwards nobody looks at it, so that scribbling on it changes nothing. */
    @Test
    void aLyingHeaderIsRefusedAndALateLieIsNotSeen() {
        for (long seed = SEED; seed < SEED + 2_000; seed++) {
            try (Link link = new Link(Side.DEVICE);
                    HostilePeer peer = link.peer(Side.DEVICE, seed)) {
                BoardEndpoint board =
                        new BoardEndpoint(link.memory, link.requestDoorbell, link.eventDoorbell, new WaitPolicy(0, 1));
                boolean changed = false;
                for (int i = 0; i < 20; i++) {
                    byte[] before = new byte[96];
                    peer.memory().getBytes(0, before);
                    peer.tell(Lie.HEADER);
                    byte[] after = new byte[96];
                    peer.memory().getBytes(0, after);
                    changed |= !java.util.Arrays.equals(before, 0, 10, after, 0, 10)
                            || !java.util.Arrays.equals(before, 12, 96, after, 12, 96);
                }
                board.write(0, 1, 2, 4, 5);
                board.pollEvents(Heard.DEVICE, 4);
                assertEquals(LinkHealth.CONNECTED, board.health());
                boolean refused = false;
                try {
                    LinkMemory.attach(link.memory.fd().duplicate(), LinkKind.DEVICE)
                            .close();
                } catch (io.jvmm.ipc.link.LinkFormatException e) {
                    refused = true;
                }
                assertEquals(changed, refused, "seed " + seed);
                assertFalse(board.violation() != null);
            }
        }
    }
}
