// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import static org.assertj.core.api.Assertions.assertThat;
import static org.xenhpt.shell.FakePlatform.task;

import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What hpt prints is the same in every country: with a comma for the point, other digits, or an I without a dot. */
class LocaleTest {
    private final Locale before = Locale.getDefault();
    private final FakePlatform platform = new FakePlatform();

    @AfterEach
    void asBefore() {
        Locale.setDefault(before);
    }

    private static void in(String country) {
        Locale.setDefault(Locale.forLanguageTag(country));
        assertThat(country.equals("tr-TR") ? "I".toLowerCase() : String.format("%.1f", 12.5))
                .as("this JDK knows the country").isIn("\u0131", "12,5", "\u0661\u0662\u066b\u0665");
    }

    @ParameterizedTest
    @ValueSource(strings = {"de-DE", "ar-EG-u-nu-arab", "tr-TR"})
    void listings(String country) {
        in(country);
        platform.tasks.add(task(1, 0, "init"));
        assertThat(platform.hpt("ps", "qemu:a", "-o", "PID,UID,TIME,START", "--interval", "0.001", "--count", "2",
                "--verbose")).as(platform.err()).isZero();
        assertThat(platform.out().replaceAll("20[-0-9T:.]+Z", "NOW")).startsWith("listing 1, NOW\n")
                .contains("\nlisting 2, NOW\n");
        assertThat(platform.err()).matches("(?s)hpt: 2 listings, [0-9] of them late; reading the guest took "
                + "[0-9]+\\.[0-9]{3} ms on average, [0-9]+\\.[0-9]{3} ms to [0-9]+\\.[0-9]{3} ms\n");
    }

    /** Sorted: picocli orders the options by their names in upper case, which in Turkish are others. */
    private static String allHelp() {
        FakePlatform platform = new FakePlatform();
        platform.hpt("help");
        platform.hpt("help", "ps");
        platform.hpt("help", "manual");
        return platform.out().lines().sorted().collect(Collectors.joining("\n"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"de-DE", "ar-EG-u-nu-arab", "tr-TR"})
    void help(String country) {
        String said = allHelp();
        in(country);
        assertThat(allHelp()).isEqualTo(said).contains("\n    0  ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"de-DE", "ar-EG-u-nu-arab", "tr-TR"})
    void progress(String country) {
        in(country);
        long[] now = {0};
        try (ProgressLine progress = new ProgressLine(platform.console(""), () -> now[0])) {
            now[0] = TimeUnit.MINUTES.toNanos(1);
            progress.report("searching", 37, 100);
        }
        assertThat(platform.err()).isEqualTo("hpt: searching 37 %\n");
    }
}
