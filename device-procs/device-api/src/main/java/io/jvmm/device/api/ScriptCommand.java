package io.jvmm.device.api;

import java.util.List;
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
    MEM("mem", "ADDRESS: BYTES | ADDRESS LENGTH", "write guest memory, or show it"),
    MEM_TOGGLE("mem-toggle", "ADDRESS: BYTES / BYTES", "guest memory that changes at each read of the device"),
    EXPECT_MEM("expect-mem", "ADDRESS: BYTES", "fail unless guest memory holds these bytes"),
    RESET("reset", "", "the machine's reset line"),
    POWER("power", "", "press the power button; print what the guest asked of the power"),
    KILL("kill", "", "the process dies; a fresh one adopts the state"),
    STATE("state", "[PREFIX]", "print the state segment by field name"),
    PORTS("ports", "", "print the device's registers windows and lines"),
    HELP("help", "[COMMAND]", "print this, or more of one command"),
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

    /** What there is to know beside {@link #help}: a line each. */
    List<String> more() {
        return switch (this) {
            case OUT, OUTW, OUTL, IN, INW, INL ->
                List.of(
                        "PORT is where a PC has the register: out 3fb 83; in 3fd. A virtio device has none: use get and set.");
            case GET, SET ->
                List.of(
                        "The name is the specification's: set queue_select 1; get queue_size. configN is byte N of the device"
                                + " configuration.");
            case MEM, MEM_TOGGLE, EXPECT_MEM ->
                List.of(
                        "ADDRESS and LENGTH are hexadecimal. BYTES are pairs of hexadecimal digits, texts in quotes, and numbers",
                        "with their width in bits, the lowest byte first: mem 100: 64:2000 32:10 16:1 16:0 is a descriptor.",
                        "mem-toggle 2000: 32:1 / 32:ffffffff gives the one and the other in turn, from the first on; mem ends it.");
            case SLEEP ->
                List.of(
                        "Time is virtual, and stands still otherwise; only what works on files and sockets takes real time.");
            case OFFER ->
                List.of(
                        "After setup. offer 0 \"\" 64 gives the device 64 bytes to write; reap takes them back. For a chain of more",
                        "descriptors, or a wrong one, write it with mem and kick.");
            case STATE ->
                List.of(
                        "PREFIX chooses fields whose path begins so: state port[0].L; state queue1, for function0.queue1");
            case EXPECT, EXPECT_HOST, EXPECT_IRQ ->
                List.of("A script from a file or a pipe ends at the first that fails, with exit code 1.");
            default -> List.of();
        };
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
