package io.jvmm.device.api;

import java.util.Random;
import org.jspecify.annotations.Nullable;

/** Whether a process under test dies here. By default it does not. One thread. */
public final class Mortality {
    private @Nullable Random chance;
    private int oneIn;
    private long deaths;

    /** The end of a process, in the middle of whatever it does. */
    public static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Killed() {
            super("killed", null, false, false);
        }
    }

    /** From now on one of so many steps is the last. */
    public void begin(Random newChance, int steps) {
        chance = newChance;
        oneIn = steps;
    }

    /** It lives on. */
    public void end() {
        chance = null;
    }

    /** Whether it can die. */
    public boolean mortal() {
        return chance != null;
    }

    /** How often it has died. */
    public long deaths() {
        return deaths;
    }

    /** It may die here. */
    public void step() {
        Random dice = chance;
        if (dice != null && dice.nextInt(oneIn) == 0) {
            deaths++;
            throw new Killed();
        }
    }
}
