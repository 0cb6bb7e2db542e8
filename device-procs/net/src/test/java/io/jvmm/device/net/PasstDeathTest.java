package io.jvmm.device.net;

import static io.jvmm.device.net.NetRig.ALL;
import static io.jvmm.device.net.NetRig.forGuest;
import static io.jvmm.device.net.NetRig.frameOf;
import static io.jvmm.device.net.NetRig.fromGuest;
import static io.jvmm.device.net.NetRig.plain;
import static io.jvmm.device.net.NetRig.prefixed;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.jvmm.device.api.StateRejectedException;
import io.jvmm.device.virtio.rig.VirtioRig.KillPoint;
import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.passt.PasstStreamsLayout;
import io.jvmm.ipc.sys.Mapping;
import io.jvmm.ipc.sys.MemFd;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A process that dies right behind a system call that has moved a part of a frame, again and again: the streams stay in step. */
@Timeout(120)
class PasstDeathTest {
    private static final int FRAMES = 6000;

    /** The process is no more. */
    private static final class Death extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    private final long seed = TestSeed.next();
    private final Random random = new Random(seed);
    private int deaths;

    private void arm(NetRig net) {
        int[] calls = {1 + random.nextInt(20)};
        PasstPort port = (PasstPort) ((PortBackend) net.rig.backends().getFirst()).framePort();
        port.afterCall(() -> {
            if (--calls[0] == 0) {
                throw new Death();
            }
        });
        KillPoint[] points = KillPoint.values();
        if (random.nextInt(4) == 0) {
            net.rig.kill(points[random.nextInt(points.length)]);
        }
    }

    private void survive(NetRig net, Runnable what) {
        Object process = net.rig.backends().getFirst();
        try {
            what.run();
        } catch (Death e) {
            deaths++;
            net.rig.killAndAdopt();
        }
        if (!net.rig.backends().getFirst().equals(process)) {
            arm(net);
        }
    }

    /** A frame of the guest is whole, or one of those that a death has spoiled; there is no third kind. */
    @Test
    void framesToTheHost() {
        try (NetRig net = NetRig.passt()) {
            net.driver().setUp(ALL);
            arm(net);
            ByteArrayOutputStream stream = new ByteArrayOutputStream();
            for (int i = 0; i < FRAMES; i++) {
                int length = 100 + i % 1300;
                if (net.queue(1).hasRoom(2)) {
                    net.queue(1).offer(new byte[][] {plain(), fromGuest(length, length)});
                    survive(net, () -> net.queue(1).kick());
                }
                if (random.nextInt(100) == 0) {
                    read(net, stream); // until then the socket is full, and frames go out in parts
                }
                survive(net, net.rig::settle);
                while (net.queue(1).reap() != null) {
                    // ours again
                }
            }
            for (int i = 0; i < 100; i++) {
                read(net, stream);
                survive(net, net.rig::settle);
            }
            ByteBuffer at = ByteBuffer.wrap(stream.toByteArray());
            int spoiled = 0;
            int frames = 0;
            while (at.remaining() >= 4) {
                byte[] frame = new byte[at.getInt()];
                assertTrue(PasstPort.isFrameLength(frame.length), "a length of " + frame.length);
                if (at.remaining() < frame.length) {
                    break;
                }
                at.get(frame);
                int length = frame.length - 14;
                spoiled += Arrays.equals(frame, fromGuest(length, length)) ? 0 : 1;
                frames++;
            }
            System.out.println(deaths + " deaths, " + frames + " frames, spoiled " + spoiled);
            assertTrue(deaths > 100, deaths + " deaths");
            assertTrue(frames > 1000, frames + " frames");
            assertTrue(spoiled <= deaths * 2, spoiled + " spoiled");
        }
    }

    private static void read(NetRig net, ByteArrayOutputStream into) {
        for (byte[] more = net.sent(0); more.length > 0; more = net.sent(0)) {
            into.writeBytes(more);
        }
    }

    /** Every frame that the guest gets is one the host has sent. */
    @Test
    void framesFromTheHost() {
        try (NetRig net = NetRig.passt()) {
            net.driver().setUp(ALL);
            arm(net);
            byte[] pending = new byte[0];
            int got = 0;
            for (int i = 0; i < FRAMES; i++) {
                int length = 60 + i % 1300;
                pending = Frames.join(pending, prefixed(forGuest(length, length)));
                int part = random.nextInt(pending.length + 1);
                net.write(0, Arrays.copyOf(pending, part));
                pending = Arrays.copyOfRange(pending, part, pending.length);
                if (net.queue(0).hasRoom(1)) {
                    net.queue(0).offer(new byte[0], 1600);
                    survive(net, () -> net.queue(0).kick());
                }
                survive(net, net.rig::settle);
                got += check(net);
            }
            System.out.println(deaths + " deaths, " + got + " frames");
            assertTrue(deaths > 100, deaths + " deaths");
            assertTrue(got > 1000, got + " frames");
            assertEquals(1, net.driver().config(6, 2) & 1, "link up");
        }
    }

    private int check(NetRig net) {
        int[] count = new int[1];
        survive(net, () -> {
            for (byte[] received : net.received(0)) {
                byte[] frame = frameOf(received);
                int length = frame.length - 14;
                assertArrayEquals(forGuest(length, length), frame);
                count[0]++;
            }
        });
        return count[0];
    }

    /** Whatever is in it, it is refused or something to work with. */
    @Test
    void forgedMemory() {
        int refused = 0;
        for (int i = 0; i < 2000; i++) {
            MemFd memFd = MemFd.createSealed("streams", PasstStreamsLayout.TOTAL_BYTES);
            try (Mapping mapping = memFd.map()) {
                UnsafeBuffer page = mapping.buffer(0, 1024);
                for (int j = 0; j < 1 + random.nextInt(20); j++) {
                    page.putInt(
                            4 * random.nextInt(256), random.nextInt(3) == 0 ? random.nextInt() : random.nextInt(2000));
                }
                try {
                    PasstStreams streams = PasstStreams.in(memFd.fd());
                    assertTrue(streams.sending().within() >= 0);
                } catch (StateRejectedException e) {
                    refused++;
                }
            }
        }
        assertTrue(refused > 20 && refused < 2000, "refused " + refused);
        assertThrows(
                StateRejectedException.class,
                () -> PasstStreams.in(MemFd.createSealed("short", 4096).fd()));
    }
}
