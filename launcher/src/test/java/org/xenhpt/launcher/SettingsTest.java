// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettingsTest {
    @TempDir
    private Path home;

    @BeforeEach
    void distribution() throws IOException {
        Files.createDirectories(home.resolve("bundles"));
        Files.createDirectories(home.resolve("conf"));
    }

    private Settings read(Map<String, String> environment, String... args) throws StartException {
        return Settings.read(home, environment, List.of(args));
    }

    @Test
    void withoutAFileThereAreDefaults() throws StartException {
        Settings settings = read(Map.of());
        assertThat(settings.logLevel()).isEqualTo("warn");
        assertThat(settings.isolated()).as("a shell that stays up").isTrue();
        assertThat(read(Map.of(), "ps").isolated()).as("a single command").isFalse();
        assertThat(settings.deploy()).isEqualTo(home.resolve("deploy"));
        assertThat(settings.properties()).containsEntry("hpt.home", home.toString())
                .containsEntry("hpt.profiles", home.resolve("kernel-profiles-yaml").toString());
    }

    @Test
    void theFileTheArgumentsAndTheEnvironmentSpeakInThatOrder() throws Exception {
        Files.writeString(home.resolve("conf/hpt.properties"), "hpt.log=info\nhpt.isolated=true\nfelix.fileinstall.poll=5\n");
        assertThat(read(Map.of()).logLevel()).isEqualTo("info");
        assertThat(read(Map.of(), "ps").isolated()).isTrue();
        assertThat(read(Map.of()).properties()).containsEntry("felix.fileinstall.poll", "5");
        assertThat(read(Map.of(), "ps", "--verbose").logLevel()).isEqualTo("debug");
        assertThat(read(Map.of("HPT_LOG", "TRACE"), "--verbose").logLevel()).isEqualTo("trace");
    }

    @Test
    void severalProfilesFoldersEachBeginAtHome() throws Exception {
        Files.writeString(home.resolve("conf/hpt.properties"), "hpt.profiles=/etc/own:shipped\nhpt.deploy=/var/deploy\n");
        assertThat(read(Map.of()).properties()).containsEntry("hpt.profiles", "/etc/own:" + home.resolve("shipped"));
        assertThat(read(Map.of()).deploy()).isEqualTo(Path.of("/var/deploy"));
    }

    @Test
    void whoIsTrustedIsToldByTheConfigurationFolder() throws Exception {
        assertThat(read(Map.of()).trust()).isEqualTo(Trust.OWNER);
        assertThat(read(Map.of()).keyStore()).isEqualTo(home.resolve("conf/trust.p12"));
        Files.writeString(home.resolve("conf/hpt.properties"), "hpt.trust=signed\nhpt.trust.keystore=own.jks\n");
        assertThat(read(Map.of()).trust()).isEqualTo(Trust.SIGNED);
        assertThat(read(Map.of()).keyStore()).isEqualTo(home.resolve("conf/own.jks"));
        Files.writeString(home.resolve("conf/hpt.properties"), "hpt.trust=sigend\nhpt.trust.keystore=/etc/own.jks\n");
        assertThat(read(Map.of()).keyStore()).isEqualTo(Path.of("/etc/own.jks"));
        assertThatThrownBy(() -> read(Map.of()).trust()).isInstanceOf(StartException.class).hasMessageContaining("sigend")
                .hasMessageContaining("owner, signed or any");
    }

    @Test
    void whatIsWrongIsNamed() throws IOException {
        assertThatThrownBy(() -> read(Map.of("HPT_LOG", "loud"))).isInstanceOf(StartException.class)
                .hasMessageContaining("'loud'").hasMessageContaining("debug");
        Files.writeString(home.resolve("conf/hpt.properties"), "a=\\u12x\n");
        assertThatThrownBy(() -> read(Map.of())).isInstanceOf(StartException.class).hasMessageContaining("hpt.properties");
        assertThatThrownBy(() -> Settings.read(home.resolve("none"), Map.of(), List.of()))
                .isInstanceOf(StartException.class).hasMessageContaining("not a distribution");
    }
}
