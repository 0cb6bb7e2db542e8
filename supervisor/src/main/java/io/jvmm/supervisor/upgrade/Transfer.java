package io.jvmm.supervisor.upgrade;

/** How the state gets from one version's layout into another's. */
public enum Transfer {
    /** The same layout: the successor adopts a copy, so that the old one's is untouched if it must serve again. */
    COPY,
    /** To a newer one: the successor's own code reads the old segment and fills a fresh one. */
    MIGRATE,
    /** To an older one: the serving version's code writes what the older one can adopt. */
    EXPORT;

    /** From version {@code from} to version {@code to}. */
    public static Transfer between(int from, int to) {
        return from == to ? COPY : from < to ? MIGRATE : EXPORT;
    }
}
