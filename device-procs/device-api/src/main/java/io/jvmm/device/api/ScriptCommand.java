package io.jvmm.device.api;

import org.jspecify.annotations.Nullable;

/** The commands of the scripted peer; {@code help} prints them from here. */
enum ScriptCommand {
    OUT("out", "PORT VALUE", "write a byte to an I/O port (all numbers of registers are hexadecimal)"),
    OUTW("outw", "PORT VALUE", "write two bytes"),
    OUTL("outl", "PORT VALUE", "write four bytes"),
    IN("in", "PORT", "read a byte and print it"),
    INW("inw", "PORT", "read two bytes"),
    INL("inl", "PORT", "read four bytes"),
    GET("get", "REGISTER", "read a register by its name; 'ports' lists them"),
    SET("set", "REGISTER VALUE", "write a register by its name"),
    EXPECT("expect", "VALUE", "fail unless the last read gave this"),
    IRQ("irq?", "", "print every line: its edges since last asked, its level"),
    EXPECT_IRQ("expect-irq", "[LINE] COUNT", "fail unless the line rose so often since last asked (decimal)"),
    HOST("host", "[PORT] \"TEXT\"", "the host sends a text to a host port"),
    EXPECT_HOST("expect-host", "[PORT] \"TEXT\"", "fail unless the device sent this to the host since last asked"),
    STALL("stall", "on|off", "the host takes no more output, or takes it again"),
    BREAK("break", "[PORT]", "the host sends a break"),
    CARRIER("carrier", "[PORT] on|off", "somebody comes to, or leaves, the other end of the line"),
    SLEEP("sleep", "TIME", "virtual time passes: 10ns, 5us, 10ms, 2s"),
    EOI("eoi", "[LINE]", "the guest ends a level interrupt"),
    KICK("kick", "[QUEUE]", "kick a virtqueue"),
    SETUP("setup", "[packed]", "reset the device and set it up as a driver does"),
    OFFER("offer", "QUEUE \"BYTES\" ROOM", "put a buffer into a virtqueue and kick it; ROOM: bytes to write, decimal"),
    REAP("reap", "", "take back the buffers the device is done with, and print them"),
    RESET("reset", "", "the machine's reset line"),
    POWER("power", "", "press the power button; print what the guest asked of the power"),
    KILL("kill", "", "the process dies; a fresh one adopts the state"),
    STATE("state", "[PREFIX]", "print the state segment by field name"),
    PORTS("ports", "", "print the device's registers windows and lines"),
    HELP("help", "", "print this"),
    QUIT("quit", "", "end");

    private final String word;
    private final String arguments;
    private final String meaning;

    ScriptCommand(String word, String arguments, String meaning) {
        this.word = word;
        this.arguments = arguments;
        this.meaning = meaning;
    }

    String word() {
        return word;
    }

    String help() {
        return String.format("  %-28s %s", word + " " + arguments, meaning);
    }

    static @Nullable ScriptCommand find(String word) {
        for (ScriptCommand command : values()) {
            if (command.word.equals(word)) {
                return command;
            }
        }
        return null;
    }

    /** The command whose first letters are most like {@code word}'s, for a hint. */
    static ScriptCommand nearest(String word) {
        ScriptCommand best = HELP;
        int bestLength = 0;
        for (ScriptCommand command : values()) {
            int common = 0;
            while (common < Math.min(word.length(), command.word.length())
                    && word.charAt(common) == command.word.charAt(common)) {
                common++;
            }
            if (common > bestLength) {
                best = command;
                bestLength = common;
            }
        }
        return best;
    }
}
