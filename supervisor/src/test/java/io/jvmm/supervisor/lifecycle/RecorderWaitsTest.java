package io.jvmm.supervisor.lifecycle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RecorderWaitsTest {
    private final RecorderWaits waits = new RecorderWaits();
    private final List<String> told = new ArrayList<>();
    private boolean come;

    private void add(String name, long deadlineNs) {
        waits.add(() -> come, deadlineNs, is -> told.add(name + " " + is));
    }

    @Test
    void whoeverWaitsIsToldOnceThatItHasCome() {
        add("a", MachineLifecycle.NEVER);
        waits.serve(false, 1);
        assertEquals(List.of(), told);
        come = true;
        waits.serve(false, 2);
        waits.serve(false, 3);
        assertEquals(List.of("a true"), told);
        assertTrue(waits.isEmpty());
    }

    @Test
    void nobodyWaitsLongerThanWanted() {
        add("a", 100);
        add("b", 200);
        assertEquals(100, waits.nextDeadlineNs());
        waits.serve(false, 100);
        assertEquals(List.of("a false"), told);
        assertEquals(200, waits.nextDeadlineNs());
        waits.forget();
        assertEquals(List.of("a false", "b false"), told);
        assertEquals(MachineLifecycle.NEVER, waits.nextDeadlineNs());
    }

    @Test
    void nobodyWaitsWithoutHope() {
        add("a", MachineLifecycle.NEVER);
        waits.serve(true, 1);
        assertEquals(List.of("a false"), told);
    }

    @Test
    void whatHasComeHasComeHoweverHopelessTheRestIs() {
        add("a", MachineLifecycle.NEVER);
        come = true;
        waits.serve(true, 1);
        assertEquals(List.of("a true"), told);
    }

    @Test
    void whoHasBeenToldMayWaitForMore() {
        waits.add(() -> true, MachineLifecycle.NEVER, is -> add("later", 50));
        waits.serve(false, 1);
        assertEquals(50, waits.nextDeadlineNs());
        come = true;
        waits.serve(false, 2);
        assertEquals(List.of("later true"), told);
    }
}
