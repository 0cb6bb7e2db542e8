package io.jvmm.policy.probe;

import io.jvmm.policy.parse.Rule;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What came of every tried call in every process of a machine: a row for each call, a column for each process; below it the short
 * list, which is what the policies allow and why. Immutable.
 *
 * @param rows what was to be tried; what no process has tried is not in the text
 * @param columns the processes
 * @param everything whether each process should have tried each call, and not only those that the catalogue has for all
 */
public record ProbeTable(List<ProbeCall> rows, List<Column> columns, boolean everything) {
    private static final String NOT_TRIED = "-";

    public ProbeTable {
        rows = List.copyOf(rows);
        columns = List.copyOf(columns);
    }

    /**
     * A process.
     *
     * @param process its name
     * @param policy what it is under
     * @param tried what came of each call
     */
    public record Column(String process, ProbePolicy policy, Map<ProbeCall, Tried> tried) {
        public Column {
            tried = Map.copyOf(tried);
        }

        Optional<Rule> entry(ProbeCall call) {
            Tried t = tried.get(call);
            return t == null ? Optional.empty() : policy.entry(call, t.arguments());
        }
    }

    /**
     * A call, as a process made it.
     *
     * @param arguments as the kernel saw them
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    public record Tried(long[] arguments, ProbeOutcome outcome) {}

    /** Whatever should not be: what succeeds without being on the short list, and what the filters had said otherwise of. */
    public List<String> faults() {
        List<String> faults = new ArrayList<>();
        for (Column column : columns) {
            for (ProbeCall call : rows) {
                Tried tried = column.tried().get(call);
                if (tried == null && (everything || call.core())) {
                    faults.add(column.process() + ": " + call.name() + " was not tried");
                } else if (tried != null) {
                    column.policy()
                            .contradiction(call, tried.arguments(), tried.outcome())
                            .ifPresent(fault -> faults.add(column.process() + ": " + fault));
                }
            }
        }
        return faults;
    }

    /** The table, the short list and a line that sums up. */
    public String text() {
        StringBuilder text = new StringBuilder();
        int[] widths = new int[columns.size() + 1];
        widths[0] = rows.stream().mapToInt(r -> r.name().length()).max().orElse(0) + 2;
        for (int c = 0; c < columns.size(); c++) {
            Column column = columns.get(c);
            widths[c + 1] = Math.max(
                    column.process().length(),
                    rows.stream().mapToInt(r -> cell(column, r).length()).max().orElse(0));
        }
        String section = "";
        line(
                text,
                widths,
                "tried from inside",
                columns.stream().map(Column::process).toList());
        for (ProbeCall row : rows) {
            if (columns.stream().noneMatch(c -> c.tried().containsKey(row))) {
                continue;
            }
            if (!row.section().equals(section)) {
                section = row.section();
                text.append(section).append('\n');
            }
            line(
                    text,
                    widths,
                    "  " + row.name(),
                    columns.stream().map(c -> cell(c, row)).toList());
        }
        text.append("\nSIGSYS: the process was killed for it. EACCES and the like: it failed with that error; in")
                .append(
                        " brackets: the filter lets it pass, the kernel does not. ok: it was carried out. -: not tried.\n");
        return text.append(shortList()).append(summary()).toString();
    }

    private static String cell(Column column, ProbeCall call) {
        Tried tried = column.tried().get(call);
        if (tried == null) {
            return NOT_TRIED;
        }
        String word = tried.outcome().word();
        boolean refusedByKernel = tried.outcome() instanceof ProbeOutcome.Returned
                && !tried.outcome().succeeded()
                && column.entry(call).isPresent();
        return refusedByKernel ? "(" + word + ")" : word;
    }

    private static void line(StringBuilder text, int[] widths, String label, List<String> cells) {
        StringBuilder line = new StringBuilder(pad(label, widths[0]));
        for (int c = 0; c < cells.size(); c++) {
            line.append("  ").append(pad(cells.get(c), widths[c + 1]));
        }
        text.append(line.toString().stripTrailing()).append('\n');
    }

    /** Every rule that allows something, once, with whose policy has it. */
    private String shortList() {
        Map<String, List<String>> holders = new LinkedHashMap<>();
        for (Column column : columns) {
            for (Rule rule : column.policy().policy().rules()) {
                if (rule.action().permits()) {
                    holders.computeIfAbsent(rule.text() + ": " + rule.reason(), r -> new ArrayList<>())
                            .add(column.process());
                }
            }
        }
        StringBuilder text = new StringBuilder("\nThe short list: what may succeed, by the policies, and why.\n");
        holders.forEach((rule, who) -> text.append("  ")
                .append(who.size() == columns.size() ? "all" : String.join(", ", who))
                .append(": ")
                .append(rule)
                .append('\n'));
        return text.toString();
    }

    private String summary() {
        long tried = columns.stream().mapToLong(c -> c.tried().size()).sum();
        long killed = count(ProbeOutcome.Killed.class, false);
        long succeeded = count(ProbeOutcome.Returned.class, true);
        return "\n" + tried + " tries: " + killed + " ended the process, " + (tried - killed - succeeded)
                + " were refused with an error, " + succeeded + " were carried out, all of them on the list unless said"
                + " below.\n";
    }

    private long count(Class<? extends ProbeOutcome> kind, boolean succeeded) {
        return columns.stream()
                .flatMap(c -> c.tried().values().stream())
                .map(Tried::outcome)
                .filter(o -> kind.isInstance(o) && o.succeeded() == succeeded)
                .count();
    }

    private static String pad(String text, int width) {
        return text + " ".repeat(Math.max(0, width - text.length()));
    }
}
