// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.table;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafeTextTest {
    @ParameterizedTest
    @CsvSource({"9,\\t", "10,\\n", "13,\\r", "0,\\x00", "27,\\x1b", "127,\\x7f", "155,\\x9b", "160,\\xa0", "173,\\xad",
        "8203,\\u200b", "8206,\\u200e", "8232,\\u2028", "8238,\\u202e", "8294,\\u2066", "65279,\\ufeff", "12644,\\u3164",
        "65039,\\ufe0f", "917505,\\U000e0001", "917999,\\U000e01ef", "57344,\\ue000", "55296,\\ud800"})
    void whatIsNotVisibleIsEscaped(int codePoint, String expected) {
        String text = "a" + new String(Character.toChars(codePoint)) + "b";
        assertThat(SafeText.of(text)).isEqualTo("a" + expected + "b");
    }

    @Test
    void whatIsVisibleStays() {
        String text = "a b\\c \"d\" äöü 日本語 привет 🐧 é";
        assertThat(SafeText.of(text)).isSameAs(text);
    }

    @Test
    void widthIsThatOnATerminal() {
        assertThat(SafeText.width("abc")).isEqualTo(3);
        assertThat(SafeText.width("日本")).isEqualTo(4);
        assertThat(SafeText.width("e\u0301")).isEqualTo(1);
        assertThat(SafeText.width("🐧")).isEqualTo(2);
    }

    @Test
    void cutNeverSplitsACharacter() {
        assertThat(SafeText.cut("ab🐧c", 3)).isEqualTo("ab");
        assertThat(SafeText.cut("ab🐧c", 4)).isEqualTo("ab🐧");
        assertThat(SafeText.cut("abc", 9)).isEqualTo("abc");
    }
}
