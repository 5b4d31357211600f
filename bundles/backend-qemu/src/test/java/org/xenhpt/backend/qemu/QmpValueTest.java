// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;

class QmpValueTest {
    @Test
    void reads() throws IOException {
        QmpValue value = QmpValue.parse("{\"a\": [1, {\"b\": \"x\\u00e9\"}, true, null, 1.5, false], \"n\": -7}");
        assertThat(value.isObject()).isTrue();
        assertThat(value.get("n").number(0)).isEqualTo(-7);
        assertThat(value.get("a").elements()).hasSize(6);
        assertThat(value.get("a").elements().get(1).get("b").text("")).isEqualTo("x\u00e9");
        assertThat(value.get("a").elements().get(2).isTrue()).isTrue();
        assertThat(value.get("a").elements().get(5).isTrue()).isFalse();
    }

    @Test
    void whatIsNotThereIsWhatTheCallerSays() throws IOException {
        QmpValue value = QmpValue.parse("{\"n\": 123456789012345678901234567890, \"z\": null, \"s\": \"\"}");
        assertThat(value.get("n").number(-1)).isEqualTo(-1);
        assertThat(value.get("z").text("none")).isEqualTo("none");
        assertThat(value.get("x").get("y").elements()).isEmpty();
        assertThat(value.get("x").isObject()).isFalse();
        assertThat(value.has("x")).isFalse();
        assertThat(value.has("s")).isTrue();
        assertThat(value.get("s").isText()).isTrue();
        assertThat(value.number(3)).isEqualTo(3);
    }

    @Test
    void refusesWhatIsNotJsonOrTooMuch() {
        for (String text : new String[] {"", "{", "[1, 2", "nonsense", "{\"a\": }", "[".repeat(100_000),
            "{\"a\":".repeat(100_000), "[" + "1,".repeat(2_000_000) + "1]", "{\"a\" 1}", "[1 2]", "]", "}"}) {
            assertThatThrownBy(() -> QmpValue.parse(text)).isInstanceOf(IOException.class);
        }
    }

    @Test
    void writesRequests() {
        assertThat(QmpValue.request("query-name", 3, Map.of())).isEqualTo("{\"execute\":\"query-name\",\"id\":3}\n");
        assertThat(QmpValue.request("human-monitor-command", 4, Map.of("command-line", "say \"\n\""))).isEqualTo(
                "{\"execute\":\"human-monitor-command\",\"id\":4,"
                        + "\"arguments\":{\"command-line\":\"say \\\"\\n\\\"\"}}\n");
    }
}
