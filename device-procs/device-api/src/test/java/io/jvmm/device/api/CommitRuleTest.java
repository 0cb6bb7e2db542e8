package io.jvmm.device.api;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.jvmm.ipc.TestSeed;
import io.jvmm.ipc.link.BoardEndpoint;
import io.jvmm.ipc.link.DeviceEndpoint;
import io.jvmm.ipc.link.LinkMemory;
import io.jvmm.ipc.link.LinkSpec;
import io.jvmm.ipc.link.ProcessEndpoint;
import io.jvmm.ipc.link.SupervisorEndpoint;
import io.jvmm.ipc.link.WaitPolicy;
import io.jvmm.ipc.message.SupervisorRequestType;
import io.jvmm.ipc.state.StateSegment;
import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Pipe;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * A device killed in the middle of any message, after its state has changed and before the commit, or after the commit and before the
 * record is given back, is followed by one that adopts the segment: every message takes effect exactly once.
 */
class CommitRuleTest {

    private static final int MESSAGES = 1_500;

    private final EchoDevice factory = new EchoDevice();
    private final LinkMemory link = LinkMemory.create(LinkSpec.device(1));
    private final EventFd requests = EventFd.create();
    private final EventFd events = EventFd.create();
    private final Pipe control = Pipe.create();
    private final StateSegment owned = StateSegment.create(
            "test",
            EchoDevice.IDENTITY.deviceId(),
            EchoDevice.IDENTITY.stateVersion(),
            EchoDevice.IDENTITY.stateLengthBytes());
    private final BoardEndpoint board = new BoardEndpoint(link, requests, events, new WaitPolicy(0, 1));

    @Test
    void everyMessageTakesEffectExactlyOnceHoweverOftenTheProcessIsKilled() {
        long seed = TestSeed.next();
        Random random = new Random(seed);
        DeviceLoop loop = start();
        int sent = 0;
        int kills = 0;
        while (sent < MESSAGES) {
            int burst = 1 + random.nextInt(40);
            for (int i = 0; i < burst; i++) {
                board.read(0, EchoDevice.CONTROL, 4, 1); // counted by the device; gives up at once
                board.reconnect();
                sent++;
            }
            factory.killAfter = random.nextInt(4 * burst);
            boolean done = false;
            while (!done) {
                try {
                    while (loop.doWork(1) > 0) {
                        // until there is nothing left
                    }
                    done = true;
                } catch (EchoDevice.Killed e) {
                    kills++;
                    loop = start();
                }
            }
            factory.killAfter = 0;
        }
        StateSegment after = adopt();
        assertEquals(sent, after.working().getInt(24), kills + " kills; " + loop.exit() + " " + board.health());
        System.out.println(sent + " messages, " + kills + " kills");
    }

    private StateSegment adopt() {
        return StateSegment.adopt(
                owned.fd().duplicate(),
                EchoDevice.IDENTITY.deviceId(),
                EchoDevice.IDENTITY.stateVersion(),
                EchoDevice.IDENTITY.stateLengthBytes());
    }

    private DeviceLoop start() {
        StateSegment state = adopt();
        DeviceEndpoint device = new DeviceEndpoint(link, requests, events, state.ringPosition());
        // Only the link to the board is inherited; every process has a supervisor's link of its own.
        LinkMemory supervisorLink = LinkMemory.create(LinkSpec.supervisor());
        EventFd supervisorRequests = EventFd.create();
        EventFd supervisorEvents = EventFd.create();
        SupervisorEndpoint supervisor = new SupervisorEndpoint(supervisorLink, supervisorRequests, supervisorEvents);
        ProcessEndpoint process = new ProcessEndpoint(supervisorLink, supervisorRequests, supervisorEvents);
        LinkEffects effects = new LinkEffects(device, new EventFd[] {EventFd.create(), EventFd.create()});
        DeviceCore core = factory.create(factory.exampleConfig(), state.working(), state.fresh(), effects, 1);
        DeviceLoop loop = new DeviceLoop(
                EchoDevice.IDENTITY,
                device,
                process,
                new Transactions(state),
                core,
                effects,
                new SupervisorEvents(process),
                new Backend[0],
                new Resample[0],
                control.reader(),
                0);
        supervisor.send(SupervisorRequestType.START);
        return loop;
    }
}
