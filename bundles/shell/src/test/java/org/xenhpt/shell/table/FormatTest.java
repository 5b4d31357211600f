// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.table;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;

class FormatTest {
    private record Row(String name, Cell number, long address) {
    }

    private static final List<Column<Row>> COLUMNS = List.of(
            Column.left("name", "NAME", "", row -> Cell.text(row.name())),
            Column.right("number", "N", "", Row::number),
            Column.left("address", "ADDRESS", "", row -> new Cell.Address(row.address())));
    private static final List<Row> ROWS = List.of(
            new Row("a \"b\", c\u001b[31m\n\u202e日", new Cell.Whole(7), -1),
            new Row("", Cell.UNKNOWN, 0x1000),
            new Row("x", new Cell.Seconds(1_500_000_000L), 0),
            new Row("yes", new Cell.Flag(true), 0));

    private static String write(Format format, List<Row> rows, int width) {
        StringWriter to = new StringWriter();
        format.write(Table.of(COLUMNS, rows), width, to);
        return to.toString();
    }

    @Test
    void textIsAlignedAndHarmless() {
        assertThat(write(Format.TEXT, ROWS, 0)).isEqualTo("""
                NAME                         N ADDRESS
                a "b", c\\x1b[31m\\n\\u202e日   7 0xffffffffffffffff
                ?                            ? 0x1000
                x                          1.5 0x0
                yes                        yes 0x0
                """);
    }

    @Test
    void textIsCutToTheTerminal() {
        assertThat(write(Format.TEXT, ROWS, 12).lines()).allSatisfy(line ->
                assertThat(SafeText.width(line)).isLessThanOrEqualTo(12));
    }

    @Test
    void jsonGivesBackWhatWasThere() throws Exception {
        String text = write(Format.JSON, ROWS, 0);
        assertThat(text).matches("[\\n\\x20-\\x7e]*");
        JsonNode all = new ObjectMapper().readTree(text);
        assertThat(all).hasSize(4);
        assertThat(all.get(0).get("name").asText()).isEqualTo("a \"b\", c\u001b[31m\n\u202e日");
        assertThat(all.get(0).get("number").isIntegralNumber()).isTrue();
        assertThat(all.get(0).get("address").asText()).isEqualTo("0xffffffffffffffff");
        assertThat(all.get(1).get("name").isNull()).isTrue();
        assertThat(all.get(1).get("number").isNull()).isTrue();
        assertThat(all.get(2).get("number").decimalValue()).isEqualByComparingTo("1.5");
        assertThat(all.get(3).get("number").booleanValue()).isTrue();
    }

    @Test
    void noRowsIsAnEmptyArray() throws Exception {
        assertThat(new ObjectMapper().readTree(write(Format.JSON, List.of(), 0))).isEmpty();
        assertThat(write(Format.NDJSON, List.of(), 0)).isEmpty();
        assertThat(write(Format.CSV, List.of(), 0)).isEqualTo("name,number,address\r\n");
    }

    @Test
    void ndjsonIsAnObjectALine() throws Exception {
        List<String> lines = write(Format.NDJSON, ROWS, 0).lines().toList();
        assertThat(lines).hasSize(4);
        for (String line : lines) {
            assertThat(new ObjectMapper().readTree(line).isObject()).isTrue();
        }
    }

    @Test
    void csvIsThatOfRfc4180() {
        assertThat(write(Format.CSV, ROWS, 0)).isEqualTo("name,number,address\r\n"
                + "\"a \"\"b\"\", c\\x1b[31m\\n\\u202e日\",7,0xffffffffffffffff\r\n"
                + ",,0x1000\r\n"
                + "x,1.5,0x0\r\n"
                + "yes,true,0x0\r\n");
    }
}
