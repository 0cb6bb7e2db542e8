package io.jvmm.supervisor.demo;

import java.util.Arrays;
import java.util.Optional;

/** What a command of this package may be told: words that are no options, so many of them, or {@code --help}. */
final class Words {
    private Words() {}

    /** Whether help is asked for, which goes before all else. */
    static boolean askForHelp(String[] args) {
        return Arrays.stream(args).anyMatch(arg -> arg.equals("--help") || arg.equals("-h"));
    }

    /**
     * What is wrong with them, in a line that says what to do.
     *
     * @param command its name
     * @param least how many words there must be
     * @param most how many there may be
     */
    static Optional<String> fault(String command, String[] args, int least, int most) {
        Optional<String> option =
                Arrays.stream(args).filter(arg -> arg.startsWith("-")).findFirst();
        if (option.isPresent()) {
            return Optional.of("\"" + option.get() + "\" is no option of " + command + "; see " + command
                    + " --help. (A name that begins so can be written ./" + option.get() + ")");
        }
        if (args.length < least || args.length > most) {
            return Optional.of(command + (args.length < least ? " is told too little" : " is told too much") + "; see "
                    + command + " --help");
        }
        return Optional.empty();
    }
}
