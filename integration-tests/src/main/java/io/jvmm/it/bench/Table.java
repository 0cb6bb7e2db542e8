package io.jvmm.it.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The one table that the benchmarks print: what, how much, and beside what to see it. */
final class Table {
    private record Row(String what, String value, String note) {}

    private final List<Row> rows = new ArrayList<>();

    void heading(String text) {
        rows.add(new Row(text, "", ""));
    }

    void row(String what, String value, String note) {
        rows.add(new Row("  " + what, value, note));
        // Printed as it comes, too: a benchmark takes a while.
        System.err.println("  " + what + ": " + value + (note.isEmpty() ? "" : "   (" + note + ")"));
    }

    void nanoseconds(String what, double ns, String note) {
        row(what, ns < 100_000 ? number(ns, 0) + " ns" : number(ns / 1000, 0) + " us", note);
    }

    static String number(double value, int decimals) {
        return String.format(Locale.ROOT, "%,." + decimals + "f", value);
    }

    static String ratio(double value, double reference, String name) {
        return number(value / reference, 2) + " x " + name;
    }

    @Override
    public String toString() {
        int what = rows.stream().mapToInt(r -> r.what.length()).max().orElse(0);
        int value = rows.stream().mapToInt(r -> r.value.length()).max().orElse(0);
        StringBuilder text = new StringBuilder();
        for (Row row : rows) {
            if (row.value.isEmpty()) {
                text.append('\n').append(row.what).append('\n');
            } else {
                text.append(String.format(
                        Locale.ROOT, "%-" + what + "s  %" + value + "s  %s%n", row.what, row.value, row.note));
            }
        }
        return text.toString();
    }
}
