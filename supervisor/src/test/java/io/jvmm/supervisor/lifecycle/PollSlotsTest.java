package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.jvmm.ipc.sys.EventFd;
import io.jvmm.ipc.sys.Poller;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PollSlotsTest {
    @Test
    void slotsKeepTheirNumbersWhileTheSetGrowsAndAreUsedAgain() {
        PollSlots slots = new PollSlots();
        List<EventFd> bells = new ArrayList<>();
        List<Integer> taken = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            bells.add(EventFd.create());
            taken.add(slots.take(bells.get(i).fd(), Poller.READABLE));
            if (i == 5) {
                slots.ignore(taken.get(5));
            }
        }
        bells.get(5).signal();
        bells.get(7).signal();
        bells.get(90).signal();
        slots.await(0);
        assertEquals(0, slots.ready(taken.get(5)), "ignored, also after the set has grown");
        assertNotEquals(0, slots.ready(taken.get(7)));
        assertNotEquals(0, slots.ready(taken.get(90)));
        slots.listen(taken.get(5));
        slots.free(taken.get(7));
        bells.get(7).close();
        slots.await(0);
        assertNotEquals(0, slots.ready(taken.get(5)));
        EventFd late = EventFd.create();
        int again = slots.take(late.fd(), Poller.READABLE);
        assertEquals(taken.get(7), again);
        assertEquals(0, slots.ready(again), "what was found there before was another's");
        bells.forEach(EventFd::close);
        late.close();
    }
}
