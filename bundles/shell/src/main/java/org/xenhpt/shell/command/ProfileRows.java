// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.util.ArrayList;
import java.util.List;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.shell.table.Cell;
import org.xenhpt.shell.table.Column;

/** What a profile says, a line for each thing. */
final class ProfileRows {
    /**
     * @param kind  {@code profile}, {@code symbol}, {@code struct}, {@code member}, {@code constant}
     * @param value an address for a symbol, an offset for a member, a size for a structure
     * @param size  in bytes, of a member or a structure
     * @param type  C type of a member
     */
    record Row(String kind, String name, Cell value, Cell size, String type) {
    }

    static final List<Column<Row>> COLUMNS = List.of(
            Column.left("kind", "KIND", "what the line is about", row -> Cell.text(row.kind())),
            Column.left("name", "NAME", "its name", row -> Cell.text(row.name())),
            Column.<Row>left("value", "VALUE", "its value, address or offset", Row::value).shownAs(row -> blank(row.value())),
            Column.<Row>right("size", "SIZE", "its size in bytes", Row::size).shownAs(row -> blank(row.size())),
            Column.<Row>left("type", "TYPE", "its C type", row -> Cell.text(row.type())).shownAs(Row::type));

    /** For people the value comes last: a banner is long. */
    static final List<Column<Row>> SHOWN = List.of(COLUMNS.get(0), COLUMNS.get(1), COLUMNS.get(3), COLUMNS.get(4),
            COLUMNS.get(2));

    private ProfileRows() {
    }

    private static String blank(Cell cell) {
        return cell.kind() == Cell.Kind.UNKNOWN ? "" : cell.plain();
    }

    static List<Row> of(Profile profile) {
        List<Row> rows = new ArrayList<>();
        fact(rows, "name", profile.name());
        fact(rows, "release", profile.kernel().release());
        fact(rows, "architecture", profile.kernel().architecture().label());
        fact(rows, "banner", profile.kernel().banner());
        fact(rows, "build id", profile.kernel().buildId());
        fact(rows, "origin", profile.origin().source());
        fact(rows, "made from", profile.origin().from());
        fact(rows, "made on", profile.origin().made());
        profile.symbols().forEach((name, address) ->
                rows.add(new Row("symbol", name, new Cell.Address(address), Cell.UNKNOWN, "")));
        profile.structs().forEach((tag, layout) -> {
            rows.add(new Row("struct", tag, Cell.UNKNOWN, new Cell.Whole(layout.size()), ""));
            layout.members().forEach((name, member) -> rows.add(new Row("member", tag + "." + name,
                    new Cell.Whole(member.offset()), new Cell.Whole(member.size()), member.type())));
        });
        profile.constants().forEach((name, value) ->
                rows.add(new Row("constant", name, new Cell.Whole(value), Cell.UNKNOWN, "")));
        return rows;
    }

    private static void fact(List<Row> rows, String name, String value) {
        if (!value.isEmpty()) {
            rows.add(new Row("profile", name, Cell.text(value), Cell.UNKNOWN, ""));
        }
    }
}
