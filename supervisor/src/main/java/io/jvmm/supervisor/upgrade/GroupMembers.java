package io.jvmm.supervisor.upgrade;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Who is in a group, as far as {@code /etc/group} and {@code /etc/passwd} tell. Where a host has its users elsewhere too (LDAP), a group
 * that these files do not name is nobody's that we know, and so everybody's.
 */
final class GroupMembers {
    private static final int NAME = 0;
    private static final int NUMBER = 2;
    private static final int MEMBERS = 3;
    private static final int PRIMARY_GROUP = 3;

    private final Path group;
    private final Path passwd;

    GroupMembers() {
        this(Path.of("/etc/group"), Path.of("/etc/passwd"));
    }

    GroupMembers(Path group, Path passwd) {
        this.group = group;
        this.passwd = passwd;
    }

    /** Whether nobody but root and this user is in a group: what it can write, they can write anyway. */
    boolean areOnly(int gid, int uid) throws IOException {
        Set<String> members = new HashSet<>();
        boolean named = false;
        for (String[] g : lines(group)) {
            if (g.length > MEMBERS && isNumber(g[NUMBER], gid)) {
                named = true;
                members.addAll(List.of(g[MEMBERS].split(",", -1)));
            }
        }
        members.remove("");
        for (String[] user : lines(passwd)) {
            if (user.length <= PRIMARY_GROUP) {
                continue;
            }
            boolean trusted = isNumber(user[NUMBER], 0) || isNumber(user[NUMBER], uid);
            if (!trusted && isNumber(user[PRIMARY_GROUP], gid)) {
                return false;
            }
            if (trusted) {
                members.remove(user[NAME]);
            }
        }
        return named && members.isEmpty();
    }

    private static boolean isNumber(String digits, int number) {
        return digits.equals(Integer.toString(number));
    }

    private static List<String[]> lines(Path file) throws IOException {
        return Files.readAllLines(file, StandardCharsets.ISO_8859_1).stream()
                .map(l -> l.split(":", -1))
                .toList();
    }
}
