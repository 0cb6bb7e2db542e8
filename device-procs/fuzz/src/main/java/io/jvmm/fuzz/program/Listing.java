package io.jvmm.fuzz.program;

import io.jvmm.fuzz.program.Program.Step;
import java.util.ArrayList;
import java.util.List;

/** A program for people: an operation a line. */
public final class Listing {

    private Listing() {}

    /** All of it. */
    public static List<String> of(Program program) {
        List<String> lines = new ArrayList<>();
        for (Step step : program.steps()) {
            lines.add(line(step));
        }
        return lines;
    }

    private static String line(Step step) {
        InputReader in = new InputReader();
        in.wrap(step.bytes());
        in.u8();
        String word = step.operation().word();
        return word
                + switch (step.operation()) {
                    case WRITE -> rw(in) + " = " + hex(in.u32());
                    case READ -> rw(in);
                    case SET -> " register " + in.u8() + " = " + hex(in.u32());
                    case SET8 -> " register " + in.u8() + " = " + hex(in.u8());
                    case GET -> " register " + in.u8();
                    case SLEEP, PAUSE -> " " + in.nanoseconds() + "ns";
                    case INPUT -> " port " + in.u8() + data(in);
                    case LINE ->
                        " port " + in.u8() + " "
                                + List.of("break", "carrier on", "carrier off", "stall on", "stall off")
                                        .get(in.u8() % 5);
                    case RESAMPLE -> " line " + in.u8();
                    case POWER, RESET, ADOPT -> "";
                    case MEMORY -> " " + hex(in.u24()) + ":" + data(in);
                    case FLIP -> " before read " + in.u8() + ": " + hex(in.u16()) + " = " + hex(in.u8());
                    case KICK -> " queue " + in.u8();
                    case SETUP -> " features " + hex(in.u32()) + " how " + hex(in.u8());
                    case OFFER -> chain(in);
                    case SUPPRESS -> " queue " + in.u8() + " flags " + in.u8() + " event " + in.u16();
                    case ANSWER -> data(in);
                    case EVENT -> " " + in.u8() + " " + in.u16();
                    case REQUEST -> " " + in.u8() + " argument " + hex(in.u32());
                };
    }

    private static String rw(InputReader in) {
        int rw = in.u8();
        return " region " + (rw >>> 2) + " offset " + hex(in.u16()) + " width " + (1 << (rw & 3));
    }

    private static String chain(InputReader in) {
        int queue = in.u8();
        int how = in.u8();
        StringBuilder text = new StringBuilder(" queue " + queue);
        text.append((how & 2) != 0 ? " indirect" : "").append((how & 4) != 0 ? " hidden" : "");
        text.append((how & 1) != 0 ? " kick" : "");
        for (int i = Operation.buffers(how); i > 0; i--) {
            int what = in.u8();
            int length = in.u8() << ((what & 8) != 0 ? 6 : 0);
            text.append((what & 1) != 0 ? " w" : " r").append(length).append((what & 4) != 0 ? " nowhere" : "");
        }
        return text + data(in);
    }

    private static String data(InputReader in) {
        StringBuilder text = new StringBuilder();
        for (int left = in.u8(); left > 0 && in.hasMore(); left--) {
            text.append(String.format(" %02x", in.u8()));
        }
        return text.toString();
    }

    private static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }
}
