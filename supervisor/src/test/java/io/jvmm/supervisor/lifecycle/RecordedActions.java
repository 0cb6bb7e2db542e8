package io.jvmm.supervisor.lifecycle;

import io.jvmm.supervisor.launch.ProcessInstance;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Writes down what is wanted. */
final class RecordedActions implements DeviceActions {
    final List<String> done = new ArrayList<>();
    final List<Replacement> replacements = new ArrayList<>();
    boolean isThere = true;
    boolean spare;
    Optional<String> fault = Optional.empty();
    boolean ended;

    @Override
    public boolean kill(ProcessInstance device) {
        done.add("kill");
        return isThere;
    }

    @Override
    public void tellAway(ProcessInstance device, boolean renewed, long goneNs) {
        done.add("away" + (renewed ? " renewed" : "") + " at " + goneNs / 1_000_000L);
    }

    @Override
    public void tellBack(ProcessInstance device) {
        done.add("back");
    }

    @Override
    public void tellBroken(ProcessInstance device) {
        done.add("broken");
    }

    @Override
    public void prepare(ProcessInstance device) {
        done.add("prepare");
    }

    @Override
    public Source replace(ProcessInstance device, boolean renewed, boolean mayBeSpare) {
        Source source = spare && mayBeSpare ? Source.SPARE : Source.COLD;
        done.add("replace " + source + (renewed ? " renewed" : ""));
        return source;
    }

    @Override
    public Source entrust(ProcessInstance device, boolean renewed, boolean mayBeSpare) {
        Source source = spare && mayBeSpare ? Source.SPARE : Source.COLD;
        done.add("entrust " + source + (renewed ? " renewed" : ""));
        return source;
    }

    @Override
    public void givenUp(ProcessInstance device) {
        done.add("given up");
    }

    @Override
    public Optional<String> audit(ProcessInstance process) {
        done.add("audit");
        return fault;
    }

    @Override
    public boolean hasEnded(ProcessInstance process) {
        return ended;
    }

    @Override
    public void start(ProcessInstance device) {
        done.add("start");
    }

    @Override
    public void ping(ProcessInstance device) {
        done.add("ping");
    }

    @Override
    public long nowNs() {
        return 0;
    }

    @Override
    public void replaced(ProcessInstance device, Replacement replacement) {
        replacements.add(replacement);
    }

    @Override
    public void say(String message) {
        done.add("say " + message);
    }

    List<String> take() {
        List<String> taken = List.copyOf(done);
        done.clear();
        return taken;
    }
}
