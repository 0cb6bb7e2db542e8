package io.jvmm.device.api;

import io.jvmm.device.api.DeviceIdentity.Interrupt;
import io.jvmm.device.api.DeviceIdentity.Region;
import io.jvmm.ipc.state.StateFormats;
import io.jvmm.ipc.state.StatePrinter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A guest, a host and a clock typed by hand: runs one device alone in virtual time, a command a line. It is how one learns
 * a device, debugs it and writes its first test. The commands are in {@link ScriptCommand}.
 */
final class ScriptedPeer {

    private final DeviceIdentity identity;
    private final ScratchMachine machine;
    private final ScriptHost host;
    private final List<NamedRegister> registers;
    private final StateFormats formats;
    private final @Nullable ScriptDriver driver;
    private final Consumer<String> printed;
    private long lastRead;
    private String lastReadFrom = "";
    private final String[] hostText;
    private boolean quit;

    /**
     * A device as after power-on.
     *
     * @param host what it is joined to
     */
    ScriptedPeer(DeviceFactory factory, DeviceConfig config, ScriptHost host, Consumer<String> printed) {
        this.identity = factory.identity(config);
        this.host = host;
        this.machine = new ScratchMachine(factory, config, host);
        this.registers = factory.registers();
        this.formats = factory.stateFormats();
        this.driver = factory.scriptDriver(machine);
        this.printed = printed;
        this.hostText = new String[ports(identity, host)];
        Arrays.fill(hostText, "");
    }

    /** Whether {@code quit} was given. */
    boolean quit() {
        return quit;
    }

    /**
     * Runs one line.
     *
     * @throws ScriptException saying what is wrong with it; the caller adds where it stands
     */
    void line(String line) throws ScriptException {
        ScriptWords words = new ScriptWords(line);
        if (words.isEmpty()) {
            return;
        }
        String word = words.word("command");
        ScriptCommand command = ScriptCommand.find(word);
        if (command == null) {
            throw ScriptException.wrong("'" + word + "' is not a command; did you mean '"
                    + ScriptCommand.nearest(word).word() + "'? 'help' lists them all");
        }
        run(command, words);
        words.end();
        report();
    }

    private void run(ScriptCommand command, ScriptWords words) throws ScriptException {
        switch (command) {
            case OUT -> out(words, 1);
            case OUTW -> out(words, 2);
            case OUTL -> out(words, 4);
            case IN -> in(words, 1);
            case INW -> in(words, 2);
            case INL -> in(words, 4);
            case GET -> get(words);
            case SET -> set(words);
            case EXPECT -> expect(words);
            case IRQ -> interrupts();
            case EXPECT_IRQ -> expectInterrupts(words);
            case HOST -> {
                int port = words.index("host port", needHost());
                type(port, words.text("the text"));
            }
            case EXPECT_HOST -> expectHost(words);
            case STALL -> machine.hostTakes(!onOff(words));
            case BREAK -> machine.hostBreak(words.index("host port", needHostPorts()));
            case CARRIER -> machine.hostCarrier(words.index("host port", needHostPorts()), onOff(words));
            case SLEEP -> machine.advance(words.durationNs("the time"));
            case EOI ->
                machine.resample(words.index("line", identity.interrupts().size()));
            case KICK -> machine.kick(words.index("queue", 64));
            case SETUP -> setUp(words);
            case OFFER -> offer(words);
            case REAP -> needDriver().completions().forEach(printed);
            case RESET -> machine.reset();
            case POWER -> machine.powerButton();
            case MEM -> memory(words);
            case MEM_TOGGLE -> toggle(words);
            case EXPECT_MEM -> expectMemory(words);
            case KILL -> kill();
            case STATE -> state(words.more() ? words.word("prefix") : "");
            case PORTS -> ports();
            case HELP -> help(words);
            case QUIT -> quit = true;
        }
    }

    /** What happened by itself while the line ran. */
    private void report() {
        for (int port = 0; port < hostText.length; port++) {
            ScriptLine line = port < host.lines() ? host.line(port) : null;
            String text = identity.hostPorts() > 0 ? machine.takeOutput(port) : line == null ? "" : line.read();
            if (!text.isEmpty()) {
                hostText[port] += text;
                printed.accept("host " + port + ": \"" + quoted(text) + "\"");
            }
        }
        machine.takeNotices().forEach(printed);
        String power = machine.takePower();
        if (!power.isEmpty()) {
            printed.accept("power: " + power);
        }
    }

    private void out(ScriptWords words, int widthBytes) throws ScriptException {
        long port = words.hex("the port", 2);
        long value = words.hex("the value", widthBytes);
        int region = region(port, widthBytes);
        machine.write(region, (int) port - identity.regions().get(region).usualPort(), widthBytes, value);
    }

    private void in(ScriptWords words, int widthBytes) throws ScriptException {
        long port = words.hex("the port", 2);
        int region = region(port, widthBytes);
        lastRead = machine.readValue(
                region, (int) port - identity.regions().get(region).usualPort(), widthBytes);
        lastReadFrom = Long.toHexString(port);
        printed.accept(lastReadFrom + " = " + String.format("%0" + 2 * widthBytes + "x", lastRead));
    }

    private NamedRegister register(ScriptWords words) throws ScriptException {
        String name = words.word("the register");
        for (NamedRegister register : registers) {
            if (register.name().equalsIgnoreCase(name)) {
                return register;
            }
        }
        throw ScriptException.wrong(
                "'" + name + "' is no register of this device" + (registers.isEmpty() ? "" : "; 'ports' lists them"));
    }

    private void get(ScriptWords words) throws ScriptException {
        NamedRegister register = register(words);
        lastRead = machine.readValue(register.region(), register.offset(), register.widthBytes());
        lastReadFrom = register.name();
        printed.accept(lastReadFrom + " = " + String.format("%0" + 2 * register.widthBytes() + "x", lastRead));
    }

    private void set(ScriptWords words) throws ScriptException {
        NamedRegister register = register(words);
        long value = words.hex("the value", register.widthBytes());
        machine.write(register.region(), register.offset(), register.widthBytes(), value);
    }

    private ScriptDriver needDriver() throws ScriptException {
        ScriptDriver present = driver;
        if (present == null) {
            throw ScriptException.wrong("this device has no virtqueues");
        }
        return present;
    }

    private void setUp(ScriptWords words) throws ScriptException {
        String word = words.more() ? words.word("packed") : "split";
        if (!word.equals("packed") && !word.equals("split")) {
            throw ScriptException.wrong("'" + word + "' is neither split nor packed");
        }
        needDriver().setUp(word.equals("packed"));
    }

    private void offer(ScriptWords words) throws ScriptException {
        int queue = words.index("queue", 64);
        byte[] readable = words.text("the bytes").getBytes(StandardCharsets.ISO_8859_1);
        int writableBytes = words.index("the room", 65536);
        if (!needDriver().offer(queue, readable, writableBytes)) {
            throw ScriptException.wrong("queue " + queue + " is full, or there is none of this number");
        }
    }

    private int region(long port, int widthBytes) throws ScriptException {
        for (int i = 0; i < identity.regions().size(); i++) {
            Region region = identity.regions().get(i);
            int usualPort = region.usualPort();
            if (usualPort >= 0 && port >= usualPort && port + widthBytes <= usualPort + region.lengthBytes()) {
                return i;
            }
        }
        throw ScriptException.wrong("port " + Long.toHexString(port)
                + (widthBytes > 1 ? " with " + widthBytes + " bytes" : "") + " is not this device's; it has "
                + windows());
    }

    private String windows() {
        StringBuilder text = new StringBuilder();
        for (Region region : identity.regions()) {
            if (region.usualPort() >= 0) {
                text.append(text.isEmpty() ? "" : ", ").append(window(region));
            }
        }
        return text.isEmpty() ? "no ports" : text.toString();
    }

    private static String window(Region region) {
        return String.format("%x-%x", region.usualPort(), region.usualPort() + region.lengthBytes() - 1);
    }

    private void expect(ScriptWords words) throws ScriptException {
        long expected = words.hex("the value", Long.BYTES);
        if (lastReadFrom.isEmpty()) {
            throw ScriptException.wrong("'expect' looks at the last 'in', and there was none");
        }
        if (expected != lastRead) {
            throw ScriptException.unexpected("port " + lastReadFrom + " gave " + Long.toHexString(lastRead)
                    + ", expected " + Long.toHexString(expected));
        }
    }

    private void interrupts() {
        for (int i = 0; i < identity.interrupts().size(); i++) {
            Interrupt line = identity.interrupts().get(i);
            String text = "irq " + i + " " + line.name() + " (GSI " + line.usualGsi() + "): " + machine.takeEdges(i)
                    + " rising";
            printed.accept(line.level() ? text + ", " + (machine.level(i) ? "asserted" : "idle") : text);
        }
    }

    private void expectInterrupts(ScriptWords words) throws ScriptException {
        int first = words.index("line or count", Integer.MAX_VALUE);
        int line = words.more() ? first : 0;
        int count = words.more() ? words.index("count", Integer.MAX_VALUE) : first;
        if (line >= identity.interrupts().size()) {
            throw ScriptException.wrong("line: " + line + "; this device has 0.."
                    + (identity.interrupts().size() - 1));
        }
        long edges = machine.takeEdges(line);
        if (edges != count) {
            throw ScriptException.unexpected("irq " + line + " rose " + edges + " times, expected " + count);
        }
    }

    private void expectHost(ScriptWords words) throws ScriptException {
        int port = words.index("host port", needHost());
        String expected = words.text("the text");
        String got = hostText[port];
        hostText[port] = "";
        if (!got.equals(expected)) {
            throw ScriptException.unexpected(
                    "host " + port + " got \"" + quoted(got) + "\", expected \"" + quoted(expected) + "\"");
        }
    }

    /** Ports of the core, or those whose other end is a line of the host's. */
    private static int ports(DeviceIdentity identity, ScriptHost host) {
        return identity.hostPorts() > 0 ? identity.hostPorts() : host.lines();
    }

    private int needHost() throws ScriptException {
        return hostText.length > 0 ? hostText.length : needHostPorts();
    }

    private void type(int port, String text) throws ScriptException {
        if (identity.hostPorts() > 0) {
            machine.hostInput(port, text);
            return;
        }
        ScriptLine line = host.line(port);
        if (line == null) {
            throw ScriptException.wrong("port " + port + " is a file of yours");
        }
        if (!line.type(text)) {
            throw ScriptException.unexpected("port " + port + ": nobody reads, and a pipe is full");
        }
        machine.advance(0);
    }

    private int needHostPorts() throws ScriptException {
        if (identity.hostPorts() == 0) {
            throw ScriptException.wrong(
                    "this device has no host ports: its host is on descriptors, --open joins files to them");
        }
        return identity.hostPorts();
    }

    private static boolean onOff(ScriptWords words) throws ScriptException {
        String word = words.word("on or off");
        return switch (word) {
            case "on" -> true;
            case "off" -> false;
            default -> throw ScriptException.wrong("'" + word + "' is neither on nor off");
        };
    }

    private void state(String prefix) throws ScriptException {
        boolean[] any = new boolean[1];
        String wanted = StateField.prefix(identity.stateLayout(), prefix);
        StatePrinter.print(identity.stateLayout(), formats, machine.state(), wanted, line -> {
            any[0] = true;
            printed.accept(line);
        });
        if (!any[0]) {
            throw ScriptException.wrong("no field of the state begins with '" + prefix + "'; 'state' prints all");
        }
    }

    private void ports() {
        for (int i = 0; i < identity.regions().size(); i++) {
            Region region = identity.regions().get(i);
            String where = region.usualPort() < 0 ? "not in I/O space" : "ports " + window(region);
            printed.accept("region " + i + " " + region.name() + ": " + where);
        }
        List<NamedRegister> named = registers.stream()
                .filter(r -> !r.name().matches("config[0-9]+"))
                .toList();
        for (NamedRegister register : named) {
            printed.accept("register " + register.name() + ": " + register.widthBytes() + " bytes at "
                    + Integer.toHexString(register.offset()) + " of region " + register.region());
        }
        if (named.size() < registers.size()) {
            printed.accept(
                    "register config0.." + registers.getLast().name() + ": the bytes of the device configuration");
        }
        for (int i = 0; i < identity.interrupts().size(); i++) {
            Interrupt line = identity.interrupts().get(i);
            printed.accept("irq " + i + " " + line.name() + ": GSI " + line.usualGsi()
                    + (line.level() ? ", level" : ", edge"));
        }
    }

    private void kill() throws ScriptException {
        if (host.isJailed()) {
            throw ScriptException.wrong("behind the filter no new back end can be made: kill needs --jail=off");
        }
        machine.killAndAdopt();
    }

    private ScriptMemory needMemory() throws ScriptException {
        ScriptMemory memory = machine.scripted();
        if (memory == null) {
            throw ScriptException.wrong("this device does not use guest memory");
        }
        return memory;
    }

    private void memory(ScriptWords words) throws ScriptException {
        boolean write = words.colonNext();
        long address = words.address("the address");
        if (write) {
            needMemory().write(address, words.bytes("the bytes"));
        } else {
            needMemory().show(address, words.more() ? words.hex("the length", 4) : 16, printed);
        }
    }

    private void toggle(ScriptWords words) throws ScriptException {
        long address = words.address("the address");
        byte[] first = words.bytes("the bytes");
        if (!words.take("/")) {
            throw ScriptException.wrong("a / and the other bytes are missing");
        }
        needMemory().toggle(address, first, words.bytes("the bytes behind the /"));
    }

    private void expectMemory(ScriptWords words) throws ScriptException {
        long address = words.address("the address");
        byte[] expected = words.bytes("the bytes");
        byte[] found = needMemory().read(address, expected.length);
        if (!Arrays.equals(expected, found)) {
            HexFormat hex = HexFormat.ofDelimiter(" ");
            throw ScriptException.unexpected("memory at " + Long.toHexString(address) + " holds " + hex.formatHex(found)
                    + ", expected " + hex.formatHex(expected));
        }
    }

    private void help(ScriptWords words) throws ScriptException {
        if (words.more()) {
            String word = words.word("command");
            ScriptCommand command = ScriptCommand.find(word);
            if (command == null) {
                throw ScriptException.wrong("'" + word + "' is not a command; 'help' lists them all");
            }
            printed.accept(command.help());
            command.more().forEach(line -> printed.accept("  " + line));
            return;
        }
        for (ScriptCommand command : ScriptCommand.values()) {
            printed.accept(command.help());
        }
        ports();
    }

    /** A text as it could be typed. */
    static String quoted(String text) {
        StringBuilder quoted = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '\n' -> quoted.append("\\n");
                case '\r' -> quoted.append("\\r");
                case '\t' -> quoted.append("\\t");
                case '"', '\\' -> quoted.append('\\').append(c);
                default -> quoted.append(c >= ' ' && c < 0x7F ? String.valueOf(c) : String.format("\\x%02x", (int) c));
            }
        }
        return quoted.toString();
    }
}
