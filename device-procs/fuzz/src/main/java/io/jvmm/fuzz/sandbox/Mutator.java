package io.jvmm.fuzz.sandbox;

import io.jvmm.fuzz.program.Operation;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Makes cases of those that have shown something: steps come, go and change, and now and then somebody from outside joins in. One seed makes one row of cases. */
final class Mutator {
    private static final int MOST_STEPS = 48;
    private static final int MOST_CHANGES = 5;
    private static final int MOST_OF_CORPUS = 4096;
    /** One in so many of what kills a process stays: a start costs as much as a hundred cases. */
    private static final int DEATHS = 64;

    private static final int[] NASTY = {0, 1, 2, 4, 7, 8, 0x0F, 0x10, 0x20, 0x40, 0x7F, 0x80, 0xC0, 0xFE, 0xFF};

    /** How often a step from outside is put in: one case in so many. */
    private static final Map<Outside, Integer> ONE_IN = new EnumMap<>(Outside.class);

    static {
        ONE_IN.put(Outside.LIE, 200);
        ONE_IN.put(Outside.STORM, 300);
        ONE_IN.put(Outside.SUPERVISE, 8);
        ONE_IN.put(Outside.CHURN, 8);
        ONE_IN.put(Outside.BELLS, 10);
        ONE_IN.put(Outside.KILL, 250);
        ONE_IN.put(Outside.DAMAGE, 600);
        ONE_IN.put(Outside.HEADER, 1500);
        ONE_IN.put(Outside.SUPERVISOR_LIE, 800);
    }

    private final List<Operation> vocabulary;
    private final List<Script> corpus = new ArrayList<>();
    private final List<byte[]> words = new ArrayList<>();
    private final Random random;

    /** @param seeds of them words are taken, too */
    Mutator(List<Operation> vocabulary, List<Script> seeds, long seed) {
        this.vocabulary = vocabulary;
        this.random = new Random(seed);
        for (Script each : seeds) {
            corpus.add(each);
            words.addAll(each.steps());
        }
        if (corpus.isEmpty()) {
            corpus.add(new Script(vocabulary, List.of(new byte[1])));
            words.add(new byte[1]);
        }
    }

    /** This one has shown something. */
    void keep(Script script) {
        if (corpus.size() < MOST_OF_CORPUS) {
            corpus.add(script);
        } else {
            corpus.set(random.nextInt(corpus.size()), script);
        }
    }

    int size() {
        return corpus.size();
    }

    /** Another case. */
    Script next() {
        List<byte[]> steps = new ArrayList<>(pick());
        int changes = 1 + random.nextInt(MOST_CHANGES);
        for (int i = 0; i < changes; i++) {
            change(steps);
        }
        while (steps.size() > MOST_STEPS) {
            int at = random.nextInt(steps.size() - MOST_STEPS + 1);
            steps.subList(at, Math.min(steps.size(), at + steps.size() - MOST_STEPS))
                    .clear();
        }
        steps.removeIf(this::isDear);
        for (Map.Entry<Outside, Integer> each : ONE_IN.entrySet()) {
            Outside what = each.getKey();
            if (random.nextInt(each.getValue()) == 0) {
                byte[] step = Script.step(vocabulary, what);
                for (int i = 1; i < step.length; i++) {
                    step[i] = (byte) random.nextInt();
                }
                steps.add(random.nextInt(steps.size() + 1), step);
            }
        }
        steps.addFirst(Script.step(vocabulary, Outside.CASE));
        return new Script(vocabulary, steps);
    }

    /** The steps of a case, without its beginning. */
    private List<byte[]> pick() {
        // Young ones more often.
        int at = corpus.size() - 1 - (int) (corpus.size() * Math.pow(random.nextDouble(), 2));
        return corpus.get(Math.max(0, at)).steps().stream()
                .filter(step -> !Script.isOutside(vocabulary, step) || Script.outside(vocabulary, step) != Outside.CASE)
                .toList();
    }

    private boolean isDear(byte[] step) {
        boolean dear = Script.isOutside(vocabulary, step)
                ? ONE_IN.getOrDefault(Script.outside(vocabulary, step), 0) > 50
                : vocabulary.get(step[0] & 0xFF) == Operation.ADOPT;
        return dear && random.nextInt(DEATHS) != 0;
    }

    private void change(List<byte[]> steps) {
        int at = random.nextInt(steps.size() + 1);
        int to = Math.min(steps.size(), at + 1 + random.nextInt(4));
        switch (random.nextInt(8)) {
            case 0 -> steps.subList(at, to).clear();
            case 1 -> steps.addAll(at, new ArrayList<>(steps.subList(at, to)));
            case 2 -> {
                List<byte[]> other = pick();
                int from = random.nextInt(other.size() + 1);
                steps.addAll(at, other.subList(from, Math.min(other.size(), from + 1 + random.nextInt(12))));
            }
            case 3, 4 -> steps.add(at, word());
            default -> {
                if (!steps.isEmpty()) {
                    int which = Math.min(at, steps.size() - 1);
                    steps.set(which, changed(steps.get(which)));
                }
            }
        }
    }

    private byte[] word() {
        return words.get(random.nextInt(words.size()));
    }

    /** Its operands, and now and then what it is. */
    private byte[] changed(byte[] step) {
        byte[] other = step.clone();
        int times = 1 + random.nextInt(3);
        for (int i = 0; i < times; i++) {
            int at = other.length == 1 ? 0 : 1 + random.nextInt(other.length - 1);
            if (at == 0) {
                other[0] = (byte) random.nextInt(vocabulary.size());
            } else {
                other[at] = (byte)
                        switch (random.nextInt(4)) {
                            case 0 -> random.nextInt();
                            case 1 -> other[at] ^ 1 << random.nextInt(8);
                            case 2 -> other[at] + random.nextInt(9) - 4;
                            default -> NASTY[random.nextInt(NASTY.length)];
                        };
            }
        }
        // A length that has changed would take in the next step, or leave something of this one.
        return Script.whole(vocabulary, Script.of(vocabulary, other).steps().getFirst());
    }
}
